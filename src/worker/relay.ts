import { setTimeout as sleep } from 'node:timers/promises';
import { warnSparingly } from '../logging/logging.ts';
import { Outbox } from '../store/outbox.ts';
import type { RedisClient } from '../redis-client.ts';
import type { WorkerDeps } from './deps.ts';

/** Wake-ups that are put into the queue at once, at most. */
const TOGETHER = 100;

/** After Redis did not answer, milliseconds. */
const PAUSE = 200;

/**
 * Takes what writes leave in the outbox to the queue, as soon as it is there. What is lost with a worker that dies in
 * between the sweeper replaces.
 * @param redis a connection of its own, which this blocks
 * @returns stops it, when what it has taken is in the queue
 */
export function startRelay(
  { producer, logger }: Pick<WorkerDeps, 'producer' | 'logger'>,
  redis: RedisClient,
  prefix: string,
): () => Promise<void> {
  const outbox = new Outbox(redis, prefix);
  const warn = warnSparingly(logger, 'the outbox');
  const stopping = new AbortController();
  const run = async () => {
    while (!stopping.signal.aborted) {
      try {
        await producer.wake(await outbox.take(TOGETHER));
      } catch (error) {
        warn(error instanceof Error ? error : new Error(String(error)));
        await sleep(PAUSE);
      }
    }
  };
  const running = run();
  return async () => {
    stopping.abort();
    await running;
  };
}
