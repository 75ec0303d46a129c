import type { RedisClient } from '../redis-client.ts';
import type { Scope } from '../domain/ami.ts';
import { parseScope } from '../domain/ami.ts';
import { JOB_STATES } from '../domain/job.ts';
import type { StepProducer } from '../queue/producer.ts';
import { storeKeys } from '../store/keys.ts';
import type { Workers } from '../store/workers.ts';

/** Counts of jobs, copies, steps and workers. */
export interface StoreStats {
  /** By state. */
  jobs: Record<string, number>;
  scopes: { scope: Scope; pending: number; inLine: number }[];
  /** By state of the queue. */
  steps: Record<string, number>;
  oldestStepMs: number;
  /** Running worker processes. */
  workers: number;
}

/** Reads the counts from store and queue with a few cheap commands. Rejects while Redis is unavailable. */
export async function readStats(
  redis: RedisClient,
  prefix: string,
  { producer, workers }: { producer: Pick<StepProducer, 'depth'>; workers: Pick<Workers, 'count'> },
): Promise<StoreStats> {
  const keys = storeKeys(prefix);
  const tracked = (await redis.zrange(keys.scopes, 0, '-1')).map(parseScope);
  const [jobs, scopes, { oldestMs, ...steps }, running] = await Promise.all([
    Promise.all(
      JOB_STATES.map(async (state) => [state, await redis.zcard(keys.jobsByState(state))] as const),
    ),
    Promise.all(
      tracked.map(async (scope) => ({
        scope,
        pending: await redis.hlen(keys.pending(scope)),
        inLine: (await redis.zcard(keys.waiting(scope))) + (await redis.zcard(keys.waitingTimed(scope))),
      })),
    ),
    producer.depth(),
    workers.count(),
  ]);
  return { jobs: Object.fromEntries(jobs), scopes, steps, oldestStepMs: oldestMs, workers: running };
}
