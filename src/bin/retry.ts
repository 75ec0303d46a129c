import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../logging/logging.ts';

/** Retries every second until it works: a process that starts before its Redis waits for it. */
export async function retryUntilDone<T>(logger: Logger, what: string, attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      logger.warn({ err: error }, `could not ${what} yet; trying again in a second`);
      await sleep(1000);
    }
  }
}
