import type { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { WEBHOOKS_QUEUE } from '../queue/jobs.ts';
import type { WorkerDeps } from './deps.ts';
import type { RunnerOptions } from './runner.ts';
import { runWorker } from './runner.ts';

export interface RunningWorker {
  queue: Worker;
  /** Takes no new step, waits for those at work, then for BullMQ's own connections. */
  close(): Promise<void>;
}

/** Never look more rarely than this for due scopes, and never more often than they are due. Milliseconds. */
const TICK = 1000;

/**
 * Starts a worker: it sees to it that the recurring steps are scheduled, once for all workers, also after Redis lost its
 * data; then it takes steps off the queue.
 * @param redis a patient connection, shared with BullMQ
 */
export async function buildWorker(
  deps: WorkerDeps,
  redis: Redis,
  options: RunnerOptions & { sweepMs: number },
): Promise<RunningWorker> {
  const schedule = async () => {
    await deps.producer.schedule('tick', Math.min(TICK, deps.settings.pollMs));
    await deps.producer.schedule('sweep', options.sweepMs);
  };
  await schedule();
  const timer = setInterval(() => {
    schedule().catch((error: unknown) =>
      deps.logger.warn({ err: error }, 'could not look after the schedules'),
    );
  }, options.sweepMs);
  const queue = runWorker(deps, redis, options);
  const webhooks = runWorker(deps, redis, options, WEBHOOKS_QUEUE);
  const close = async () => {
    clearInterval(timer);
    await Promise.all([queue.close(), webhooks.close()]);
  };
  return { queue, close };
}
