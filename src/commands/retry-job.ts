import type { Principal } from '../domain/access.ts';
import type { Job } from '../domain/job.ts';
import { destinationKey, jobState } from '../domain/job.ts';
import { retryChange } from '../domain/permission-moves.ts';
import { onCopy, retryable, retryFailed } from '../domain/transitions.ts';
import { AmiferryError } from '../errors.ts';
import type { Claim } from '../store/idempotency.ts';
import type { Change, UpdateOutcome } from '../store/store.ts';
import { accepted, authoriseRetry } from './authorise.ts';
import type { CommandDeps } from './deps.ts';
import { requireJob } from './require-job.ts';

function isBeingRemoved(job: Job): boolean {
  return job.kind === 'copy' && job.destinations.some(({ stopping }) => stopping !== null);
}

/** Decides about just what is retried: where more has failed in between, it is decided anew. */
async function retryAuthorised(
  deps: CommandDeps,
  id: string,
  principal: Principal,
  claim: Claim | null,
): Promise<UpdateOutcome> {
  for (;;) {
    const job = await requireJob(deps, id, principal);
    await authoriseRetry(deps, principal, job);
    const authorised = toRetry(job);
    const retryNow = retry(principal);
    let hasMore = false;
    const change: Change = (latest, now) => {
      hasMore = !toRetry(latest).isSubsetOf(authorised);
      return hasMore ? null : retryNow(latest, now);
    };
    const result = await deps.store.update(id, change, { receipt: claim?.receipt(id) });
    if (!hasMore) return result;
  }
}

function toRetry(job: Job): Set<string> {
  return new Set(job.kind === 'copy' ? job.destinations.filter(retryable).map(destinationKey) : []);
}

const retryCopies = onCopy(retryFailed);

/** What an earlier try of sharing gave was taken back when it failed, and who retries decides anew what may be given. */
function retry(principal: Principal): Change {
  const retryPermissions = retryChange(principal.scopes.has('amis:publish'));
  return (job, now) => {
    const copies = retryCopies(job, now);
    return copies === null ? retryPermissions(job, now) : shareAnew(job, copies);
  };
}

function shareAnew(before: Job, after: Job): Job {
  if (before.kind !== 'copy' || after.kind !== 'copy') return after;
  const destinations = after.destinations.map((one, i) => {
    const was = before.destinations[i];
    if (was === undefined || !retryable(was)) return one;
    const { given: _given, supersededBy: _supersededBy, ...rest } = one;
    return rest;
  });
  return { ...after, destinations };
}

/**
 * Copies the failed destinations again, each as a new attempt; the others are left as they are.
 * @throws {AmiferryError} `job-not-found`; `missing-scope`, `outside-policy`; `nothing-to-retry` when no destination has failed
 */
export async function retryJob(
  deps: CommandDeps,
  id: string,
  principal: Principal,
  claim: Claim | null = null,
): Promise<Job> {
  const result = await retryAuthorised(deps, id, principal, claim);
  if (result.outcome === 'missing') throw new AmiferryError('job-not-found', `there is no job ${id}`);
  if (result.outcome === 'unchanged' && isBeingRemoved(result.job)) {
    throw new AmiferryError(
      'job-running',
      `copies of job ${id} are still being removed: retry it when that is done`,
    );
  }
  if (result.outcome === 'unchanged') {
    throw new AmiferryError(
      'nothing-to-retry',
      `job ${id} is ${jobState(result.job)} and no destination of it has failed`,
    );
  }
  await deps.audit.record(accepted(deps, principal, 'retry-job', result.job));
  return result.job;
}
