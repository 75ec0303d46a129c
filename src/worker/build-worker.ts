import type { Worker } from 'bullmq';
import type { RedisClient } from '../redis-client.ts';
import { WEBHOOKS_QUEUE } from '../queue/jobs.ts';
import { WEBHOOKS_TOGETHER } from '../webhooks/send.ts';
import type { WorkerDeps } from './deps.ts';
import type { RunnerOptions } from './runner.ts';
import type { Recurring } from './recurring.ts';
import { startRecurring } from './recurring.ts';
import { startHeartbeat } from './heartbeat.ts';
import { runWorker } from './runner.ts';
import { sweep } from './sweep.ts';
import { tick } from './tick.ts';

export interface RunningWorker {
  queue: Worker;
  /** Takes no new steps, waits for the running ones, then for BullMQ's own connections. */
  close(): Promise<void>;
}

/**
 * How often to check for due scopes, milliseconds. It is short compared with the time between two polls, so that no poll is
 * late by much.
 */
const tickEvery = (pollMs: number) => Math.min(500, Math.max(50, pollMs / 10));

/** The recurring steps. Each worker tries to run them, whatever is in the queue. */
export function recurringSteps({ settings }: Pick<WorkerDeps, 'settings'>, sweepMs: number): Recurring[] {
  return [
    { name: 'tick', every: tickEvery(settings.pollMs), run: tick },
    { name: 'sweep', every: sweepMs, run: sweep },
  ];
}

/**
 * Starts a worker. It takes steps off the queue, runs the recurring steps whose lease is free, and sends heartbeats.
 * @param redis a blocking connection, shared with BullMQ
 */
export async function buildWorker(
  deps: WorkerDeps,
  redis: RedisClient,
  options: RunnerOptions & { sweepMs: number },
): Promise<RunningWorker> {
  const queue = await runWorker(deps, redis, options);
  const webhooks = await runWorker(
    deps,
    redis,
    { ...options, concurrency: WEBHOOKS_TOGETHER },
    WEBHOOKS_QUEUE,
  );
  const recurring = recurringSteps(deps, options.sweepMs).map((one) => startRecurring(deps, one));
  const heartbeat = startHeartbeat(deps, () => queue.isRunning() && !queue.isPaused());
  const close = async () => {
    await heartbeat();
    await Promise.all([queue.close(), webhooks.close(), ...recurring.map((stop) => stop())]);
  };
  return { queue, close };
}
