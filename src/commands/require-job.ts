import type { Principal } from '../domain/access.ts';
import { isVisibleTo } from '../domain/access.ts';
import type { Job } from '../domain/job.ts';
import { AmiferryError } from '../errors.ts';
import type { CommandDeps } from './deps.ts';

/** Reads a job. One that the principal may not see is reported as missing. @throws {AmiferryError} `job-not-found` */
export async function requireJob(
  { store }: Pick<CommandDeps, 'store'>,
  id: string,
  principal: Principal,
): Promise<Job> {
  const job = await store.get(id);
  if (job !== null && isVisibleTo(principal, job)) return job;
  throw new AmiferryError('job-not-found', `there is no job ${id}`);
}
