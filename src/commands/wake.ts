import type { Job } from '../domain/job.ts';
import { aboutJob } from '../log-context.ts';
import type { CommandDeps } from './deps.ts';

/**
 * Wakes the worker for a job that is saved already. A wake-up that fails is no failure of the command: the record is
 * the truth, and the sweeper wakes whatever is unfinished.
 */
export async function wake({ store, producer, logger }: CommandDeps, job: Job): Promise<void> {
  try {
    await producer.wakeJob(job, store.now());
  } catch (error) {
    logger.warn({ err: error, ...aboutJob(job) }, 'job saved but not woken; the sweeper will');
  }
}
