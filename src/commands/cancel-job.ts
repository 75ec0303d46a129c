import type { Principal } from '../domain/access.ts';
import type { Job } from '../domain/job.ts';
import { isFinished, jobState } from '../domain/job.ts';
import { cancelChange } from '../domain/permission-transitions.ts';
import type { Named } from '../domain/removal-transitions.ts';
import { onCopy } from '../domain/apply-transition.ts';
import { isNamed, stopAll } from '../domain/removal-transitions.ts';
import { AmiferryError } from '../errors.ts';
import type { Claim } from '../store/idempotency.ts';
import type { Change } from '../store/store.ts';
import { acceptedFor, authoriseCancel, destinationsNamed } from './authorise.ts';
import type { CommandDeps } from './deps.ts';
import { nameDestinations } from './name-destinations.ts';
import { requireJob } from './require-job.ts';

function cancel(named: Named): Change {
  const stopCopies = onCopy(stopAll('cancel', named));
  return (job, now) => stopCopies(job, now) ?? cancelChange(job, now);
}

/**
 * Cancels what is not finished. Destinations without a call of CopyImage are cancelled at once, others as soon as a worker has
 * removed their images, and a change of permissions as soon as a worker has taken back what it gave. A second cancel meanwhile
 * changes nothing.
 * @param destinations keys of the destinations to cancel; default: all
 * @throws {AmiferryError} `job-not-found`; `missing-scope`; `job-finished` when nothing is left to cancel; those of
 *   name-destinations.ts
 */
export async function cancelJob(
  deps: CommandDeps,
  id: string,
  principal: Principal,
  claim: Claim | null = null,
  destinations?: readonly string[],
): Promise<Job> {
  const job = await requireJob(deps, id, principal);
  await authoriseCancel(deps, principal, job);
  const named = nameDestinations(job, destinations);
  const entry = acceptedFor(deps, principal, 'cancel-job', job, destinationsNamed(named));
  const write = { receipt: claim?.receipt(id), audit: entry };
  const result = await deps.store.update(id, cancel(named), write);
  if (result.outcome === 'missing') throw new AmiferryError('job-not-found', `there is no job ${id}`);
  if (result.outcome === 'unchanged' && isOver(result.job, named)) throw nothingLeft(result.job, named);
  if (result.outcome === 'changed') deps.audit.log(entry);
  else await deps.audit.record(entry);
  return result.job;
}

function isOver(job: Job, named: Named): boolean {
  if (job.kind === 'permissions' || named === null) return job.finishedAt !== null;
  return job.destinations.filter((one) => isNamed(named, one)).every(isFinished);
}

function nothingLeft(job: Job, named: Named): AmiferryError {
  const what =
    named === null
      ? `job ${job.id} is ${jobState(job)}`
      : `${[...named].join(', ')} of job ${job.id} has finished`;
  return new AmiferryError('job-finished', `${what}: nothing is left to cancel`);
}
