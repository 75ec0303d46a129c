import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CopyJob } from '../../src/domain/job.ts';
import { keyPolicyStatements } from '../../src/domain/key-policy.ts';
import { closeRedis, connectRedis, untilReady } from '../../src/queue/connections.ts';
import type { RedisClient } from '../../src/redis-client.ts';
import { storeKeys } from '../../src/store/keys.ts';
import { SCHEMA_VERSION } from '../../src/store/records.ts';
import { RedisJobStore } from '../../src/store/redis-store.ts';
import { OWN } from '../helpers/account.ts';
import { copyJob } from '../helpers/copy-job.ts';
import * as transitions from '../helpers/transitions.ts';
import { dropPrefix, testPrefix, testRedisUrl } from '../helpers/redis.ts';
import { PATIENCE } from '../helpers/waiting.ts';

/** Fifty regions, and tags as large as EC2 takes them. */
const REGIONS = Array.from({ length: 50 }, (_, i) => `eu-test-${i}`);
const TAGS = Object.fromEntries(
  Array.from({ length: 47 }, (_, i) => [`${i}`.padEnd(127, 'k'), `${i}`.padEnd(256, 'v')]),
);
const REQUEST = JSON.stringify({ tags: TAGS, destinations: REGIONS.map((region) => ({ region })) }).length;
/** What a destination's own part of a record takes at most, in bytes. */
const A_DESTINATION = 1000;

let redis: RedisClient;
let prefix: string;
let store: RedisJobStore;
beforeAll(async () => {
  redis = connectRedis(testRedisUrl(), 'blocking', () => {});
  await untilReady(redis, PATIENCE);
});
beforeEach(() => {
  prefix = testPrefix();
  store = new RedisJobStore(redis, prefix, {
    wake: async () => {},
    announce: (_, job) => ({ job, messages: [] }),
  });
});
afterEach(() => dropPrefix(redis, prefix));
afterAll(() => closeRedis(redis));

const hash = (id: string) => storeKeys(prefix).job(id);
const sizeOf = async (id: string) =>
  (await redis.hstrlen(hash(id), 'record')) + (await redis.hstrlen(hash(id), 'packed'));

/** A job as a request with tags makes it: each destination's spec has them. */
function tagged(regions = REGIONS): CopyJob {
  const job = copyJob({}, regions);
  const destinations = job.destinations.map((one) => ({ ...one, spec: { ...one.spec, tags: { ...TAGS } } }));
  return { ...job, destinations };
}

test('a record says once what its request said once, whatever becomes of it', async () => {
  const job = tagged();
  const most = REQUEST + REGIONS.length * A_DESTINATION;
  expect(JSON.stringify(job).length).toBeGreaterThan(10 * most);
  await store.create(job);
  expect(await sizeOf(job.id)).toBeLessThan(most);
  expect(await store.get(job.id)).toEqual(job);
  for (const [i, region] of REGIONS.entries()) {
    await store.update(job.id, transitions.onCopy(transitions.begin(region)));
    await store.update(
      job.id,
      transitions.onCopy(transitions.accept(region, `ami-${String(i).padStart(17, '0')}`)),
    );
  }
  expect(await sizeOf(job.id)).toBeLessThan(most);
  expect(await store.get(job.id)).toMatchObject({
    version: 101,
    destinations: REGIONS.map((region) => ({ state: 'pending', spec: { region, tags: TAGS } })),
  });
});

describe('a record', () => {
  test('of usual size is plain', async () => {
    const job = tagged(['eu-west-1', 'us-west-2']);
    await store.create(job);
    const record: unknown = JSON.parse((await redis.hget(hash(job.id), 'record')) ?? '');
    expect(record).toEqual({ ...job, schemaVersion: SCHEMA_VERSION });
    expect(await redis.hlen(hash(job.id))).toBe(2);
  });

  test('that becomes small again is plain again', async () => {
    const job = tagged();
    await store.create(job);
    await store.update(job.id, (one) => ({ ...one, destinations: [] }));
    expect(await redis.hkeys(hash(job.id))).toEqual(expect.not.arrayContaining(['packed']));
    expect(await store.get(job.id)).toMatchObject({ destinations: [] });
  });
});

test('statements for a thousand accounts are in a job once, and referred to', async () => {
  const accounts = Array.from({ length: 1000 }, (_, i) => String(i).padStart(12, '0'));
  const sharees = { accounts, organizations: [], organizationalUnits: [] };
  const job = copyJob({}, REGIONS);
  await store.create(job);
  for (const [i, region] of REGIONS.entries()) {
    const statements = keyPolicyStatements(sharees, region);
    const warning = {
      code: 'key-policy-needed' as const,
      message: `add these to the key of ${region}`,
      account: OWN,
      region,
    };
    for (const transition of [
      transitions.begin(region),
      transitions.accept(region, `ami-${String(i).padStart(17, '0')}`),
      transitions.becomeAvailable(region, { encrypted: true, kmsKeyId: null }, []),
      transitions.succeed(region, [{ ...warning, statements }]),
    ])
      await store.update(job.id, transitions.onCopy(transition));
  }
  const { warnings = [] } = (await store.get(job.id)) ?? {};
  expect(warnings).toHaveLength(50);
  expect(warnings.filter(({ statements }) => statements !== undefined)).toHaveLength(1);
  expect(warnings.at(-1)?.message).toContain('the statements of the warning about eu-test-0');
});
