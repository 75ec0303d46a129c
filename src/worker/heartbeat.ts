import { randomUUID } from 'node:crypto';
import { warnSparingly } from '../logging/logging.ts';
import { HEARTBEAT_MS } from '../store/workers.ts';
import type { WorkerDeps } from './deps.ts';

/**
 * Sends this worker's heartbeat at once and then every few seconds, while it takes steps.
 * @param takesSteps whether it currently takes steps
 * @returns stops the heartbeat, and removes this worker from those that run
 */
export function startHeartbeat(
  { workers, logger }: Pick<WorkerDeps, 'workers' | 'logger'>,
  takesSteps: () => boolean,
): () => Promise<void> {
  const id = randomUUID();
  const failed = warnSparingly(logger, 'Redis did not take the heartbeat');
  let last: Promise<void> = Promise.resolve();
  const beat = () => {
    if (takesSteps()) last = workers.beat(id).catch(failed);
  };
  beat();
  const timer = setInterval(beat, HEARTBEAT_MS);
  return async () => {
    clearInterval(timer);
    await last;
    await workers.leave(id).catch(failed);
  };
}
