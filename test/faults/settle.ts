import { OWN } from '../helpers/account.ts';
import { B, C } from '../helpers/accounts.ts';
import { until } from '../helpers/waiting.ts';
import { storeKeys } from '../../src/store/keys.ts';
import { keysOf } from '../../tools/dev/drop-keys.ts';
import { Redis } from 'ioredis';
import type { Job } from '../../src/http/schemas/job.ts';
import type { Evidence } from './checker.ts';
import type { Client } from './client.ts';
import { ENCRYPTED_SOURCE } from './client.ts';
import type { Ec2 } from './ec2.ts';
import { REGIONS } from './stage.ts';
import type { Stack } from './stack/stack.ts';

export const PREFIX = '{amiferry}';

/** The accounts that copies go into. */
const ACCOUNTS = [OWN, B, C];

/** Waits until no job is unfinished; one that still is after `timeout` milliseconds is stuck, which the checker tells. */
export async function settle(client: Client, timeout: number): Promise<void> {
  const idle = async () => (await client.jobs('queued')).length + (await client.jobs('running')).length === 0;
  await until(idle, timeout).catch(() => {});
}

/** Waits until no index of work stands: an image that no record holds is removed after its job has ended. */
export async function settleIndexes(redisPort: number, timeout: number): Promise<void> {
  await until(async () => (await leftIndexes(redisPort)).length === 0, timeout).catch(() => {});
}

/** Reads everything that there is to compare. */
export async function gather(
  { control }: Stack,
  client: Client,
  ec2: Ec2,
  expected: Evidence['expected'],
): Promise<Evidence> {
  const places = ACCOUNTS.flatMap((account) => REGIONS.map((region) => ({ account, region })));
  const [jobs, { copyImage }, scopes] = await Promise.all([
    client.jobs(),
    control.calls(),
    Promise.all(
      places.map(async (scope) => ({
        ...scope,
        images: await ec2.images(scope.region, scope.account),
        snapshots: await ec2.snapshots(scope.region, scope.account),
      })),
    ),
  ]);
  const byId = new Map(jobs.map((job): [string, Job] => [job.id, job]));
  return {
    accepted: client.accepted,
    idempotent: client.idempotency,
    keyless: client.keyless,
    jobs: byId,
    expected,
    copyImage,
    removedByHand: ec2.removed,
    scopes,
  };
}

/** Indexes of work that still stand though no work is left: each would hold a slot, or a place in line, for good. */
export async function leftIndexes(redisPort: number): Promise<string[]> {
  const redis = new Redis(redisPort, '127.0.0.1');
  const { unfinished, deliveriesDue, pending, slots, waiting, waitingTimed } = storeKeys(PREFIX);
  const scopes = ACCOUNTS.flatMap((account) => REGIONS.map((region) => ({ account, region })));
  const empty = new Set([
    unfinished,
    deliveriesDue,
    ...scopes.flatMap((scope) => [pending(scope), slots(scope), waiting(scope), waitingTimed(scope)]),
  ]);
  const found = (await keysOf(redis, PREFIX)).filter((key) => empty.has(key));
  redis.disconnect();
  return found;
}

/** Access to the source that was given for copies into other accounts, and still stands with nothing unfinished. */
export async function leftHolds(redisPort: number, ec2: Ec2): Promise<string[]> {
  const redis = new Redis(redisPort, '127.0.0.1');
  const keys = (await keysOf(redis, PREFIX)).filter((key) => /:hold(?:s|-users):/.test(key));
  redis.disconnect();
  const access = await ec2.accessTo(ENCRYPTED_SOURCE);
  return [...keys, ...access.map((one) => `${one} of ${ENCRYPTED_SOURCE.imageId}`)];
}
