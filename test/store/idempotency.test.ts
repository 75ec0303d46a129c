import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { RedisClient } from '../../src/redis-client.ts';
import { onCopy } from '../../src/domain/apply-transition.ts';
import { stopAll } from '../../src/domain/removal-transitions.ts';
import { scopedKey } from '../../src/domain/idempotency.ts';
import { closeRedis, connectRedis, untilReady } from '../../src/queue/connections.ts';
import type { Claim } from '../../src/store/idempotency.ts';
import { IdempotencyStore } from '../../src/store/idempotency.ts';
import { storeKeys } from '../../src/store/keys.ts';
import { RedisJobStore } from '../../src/store/redis-store.ts';
import { copyJob } from '../helpers/copy-job.ts';
import { dropPrefix, testPrefix, testRedisUrl } from '../helpers/redis.ts';
import { PATIENCE } from '../helpers/waiting.ts';

let redis: RedisClient;
let prefix: string;
let store: RedisJobStore;
let keys: IdempotencyStore;
const ANSWER = { status: 202, headers: {}, body: '{}' };

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
  keys = new IdempotencyStore(redis, prefix, 60_000);
});
afterEach(() => dropPrefix(redis, prefix));
afterAll(() => closeRedis(redis));

const kept = () => storeKeys(prefix).idempotency(scopedKey('someone', 'key'));
const claim = () => keys.claim('someone', 'key', 'print');

async function claimed(): Promise<Claim> {
  const result = await claim();
  if (result.outcome !== 'claimed') throw new Error(result.outcome);
  return result.claim;
}

/** A request over its lease, and the one that has claimed its key since. */
async function overtaken(): Promise<{ late: Claim; successor: Claim }> {
  const late = await claimed();
  await redis.del(kept());
  return { late, successor: await claimed() };
}

test('of a request over its lease and its repetition the first one to write makes the job', async () => {
  for (const [first, second] of [
    ['late', 'successor'],
    ['successor', 'late'],
  ] as const) {
    const both = await overtaken();
    const job = copyJob({});
    expect(await store.create(job, { receipt: both[first].receipt(job.id) })).toBe('created');
    await expect(store.create(job, { receipt: both[second].receipt(job.id) })).rejects.toMatchObject({
      code: 'idempotency-key-in-progress',
    });
    const cancel = store.update(job.id, onCopy(stopAll('cancel')), { receipt: both[second].receipt(job.id) });
    await expect(cancel).rejects.toMatchObject({ code: 'idempotency-key-in-progress' });
    expect((await store.get(job.id))?.version).toBe(1);
    expect(await claim()).toEqual({ outcome: 'accepted', jobId: job.id });
    await redis.del(kept());
  }
});

test('a request over its lease writes nothing once another request has its key', async () => {
  const late = await claimed();
  await redis.del(kept());
  expect(await keys.claim('someone', 'key', 'another print')).toMatchObject({ outcome: 'claimed' });
  const job = copyJob({});
  await expect(store.create(job, { receipt: late.receipt(job.id) })).rejects.toMatchObject({
    code: 'idempotency-key-in-progress',
  });
  expect(await store.get(job.id)).toBeNull();
});

test('a request over its lease neither deletes nor overwrites what its successor keeps', async () => {
  const { late, successor } = await overtaken();
  const untouched = await redis.get(kept());
  await late.release();
  await late.answered({ ...ANSWER, body: 'late' });
  expect(await redis.get(kept())).toBe(untouched);
  await successor.answered(ANSWER);
  await late.release();
  await late.answered({ ...ANSWER, body: 'late' });
  expect(await claim()).toEqual({ outcome: 'replay', answer: ANSWER });
});

test('a key whose write was made is not freed', async () => {
  const mine = await claimed();
  const job = copyJob({});
  expect(mine.mayHaveWritten).toBe(false);
  await store.create(job, { receipt: mine.receipt(job.id) });
  expect(mine.mayHaveWritten).toBe(true);
  await mine.release();
  expect(await claim()).toEqual({ outcome: 'accepted', jobId: job.id });
});

test('a key is freed where nothing was written', async () => {
  await (await claimed()).release();
  expect(await claim()).toMatchObject({ outcome: 'claimed' });
});

test('a write that a lost connection sends twice is made once, and succeeds', async () => {
  const mine = await claimed();
  const job = copyJob({});
  const receipt = mine.receipt(job.id);
  expect(await store.create(job, { receipt })).toBe('created');
  expect(await store.create(job, { receipt })).toBe('created');
  expect((await store.get(job.id))?.version).toBe(1);
});
