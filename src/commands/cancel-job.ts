import type { Principal } from '../domain/access.ts';
import type { Job } from '../domain/job.ts';
import { jobState } from '../domain/job.ts';
import { cancelChange } from '../domain/permission-moves.ts';
import { onCopy, stopAll } from '../domain/transitions.ts';
import { AmiferryError } from '../errors.ts';
import type { Claim } from '../store/idempotency.ts';
import type { Change } from '../store/store.ts';
import { accepted, authoriseCancel } from './authorise.ts';
import type { CommandDeps } from './deps.ts';
import { requireJob } from './require-job.ts';

const stopCopies = onCopy(stopAll('cancel'));
const cancel: Change = (job, now) => stopCopies(job, now) ?? cancelChange(job, now);

/**
 * Cancels what is not finished: what EC2 never heard of is cancelled at once, the rest as soon as a worker has removed
 * it, or taken back what a change of permissions had given by then. Cancelling again while that goes on changes nothing.
 * @throws {AmiferryError} `job-not-found`; `missing-scope`; `job-finished` when nothing is left to cancel
 */
export async function cancelJob(
  deps: CommandDeps,
  id: string,
  principal: Principal,
  claim: Claim | null = null,
): Promise<Job> {
  await authoriseCancel(deps, principal, await requireJob(deps, id, principal));
  const result = await deps.store.update(id, cancel, { receipt: claim?.receipt(id) });
  if (result.outcome === 'missing') throw new AmiferryError('job-not-found', `there is no job ${id}`);
  if (result.outcome === 'unchanged' && result.job.finishedAt !== null) {
    throw new AmiferryError(
      'job-finished',
      `job ${id} is ${jobState(result.job)}: nothing is left to cancel`,
    );
  }
  await deps.audit.record(accepted(deps, principal, 'cancel-job', result.job));
  return result.job;
}
