import { setTimeout as sleep } from 'node:timers/promises';
import { backoff } from '../domain/backoff.ts';

interface Trying {
  /** Milliseconds after which the next failure is the last one. */
  patience: number;
  /** Whether this error ends the work at once. */
  isFinal: (error: unknown) => boolean;
  /** Called for each failure that is followed by another try. */
  failed: (error: unknown) => void;
}

/**
 * Retries some work within one step until it succeeds. It is for work that no other step would do if this step failed.
 * @throws the last error of `work`
 */
export async function keepTrying<T>(
  { patience, isFinal, failed }: Trying,
  work: () => Promise<T>,
): Promise<T> {
  const began = performance.now();
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (isFinal(error) || performance.now() - began > patience) throw error;
      failed(error);
      await sleep(backoff(tries));
    }
  }
}
