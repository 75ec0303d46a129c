import type { Principal } from '../domain/access.ts';
import type { Job } from '../domain/job.ts';
import { destinationKey, jobState } from '../domain/job.ts';
import { retryChange } from '../domain/permission-transitions.ts';
import type { Named } from '../domain/removal-transitions.ts';
import { onCopy } from '../domain/apply-transition.ts';
import { isNamed } from '../domain/removal-transitions.ts';
import { retryable, retryNamed, withHubsOf } from '../domain/retry-transitions.ts';
import { AmiferryError } from '../errors.ts';
import type { Claim } from '../store/idempotency.ts';
import type { Change, UpdateOutcome } from '../store/store.ts';
import { acceptedFor, authoriseRetry, destinationsNamed } from './authorise.ts';
import type { CommandDeps } from './deps.ts';
import { nameDestinations } from './name-destinations.ts';
import { requireJob } from './require-job.ts';

function isBeingRemoved(job: Job, named: Named): boolean {
  if (job.kind !== 'copy') return false;
  return job.destinations.some((one) => isNamed(named, one) && one.stopping !== null);
}

function alsoHubs(job: Job, named: Named): Named {
  return job.kind === 'copy' ? withHubsOf(job, named) : named;
}

/** Authorises exactly what is retried: if more destinations have failed meanwhile, it authorises again. */
async function retryAuthorised(
  deps: CommandDeps,
  id: string,
  principal: Principal,
  claim: Claim | null,
  destinations: readonly string[] | undefined,
): Promise<{ result: UpdateOutcome; named: Named }> {
  for (;;) {
    const job = await requireJob(deps, id, principal);
    const named = alsoHubs(job, nameDestinations(job, destinations));
    await authoriseRetry(deps, principal, job, named);
    const authorised = toRetry(job, named);
    const retryNow = retry(principal, named);
    let hasMore = false;
    const change: Change = (latest, now) => {
      hasMore = !toRetry(latest, named).isSubsetOf(authorised);
      return hasMore ? null : retryNow(latest, now);
    };
    const entry = acceptedFor(deps, principal, 'retry-job', job, destinationsNamed(named));
    const result = await deps.store.update(id, change, { receipt: claim?.receipt(id), audit: entry });
    if (result.outcome === 'changed') deps.audit.log(entry);
    if (!hasMore) return { result, named };
  }
}

function toRetry(job: Job, named: Named): Set<string> {
  if (job.kind !== 'copy') return new Set();
  const failed = job.destinations.filter((one) => isNamed(named, one) && retryable(one));
  return new Set(failed.map(destinationKey));
}

/** A failed share was taken back, so a retry starts without `given`, and with the scopes of the principal that retries. */
function retry(principal: Principal, named: Named): Change {
  const retryCopies = onCopy(retryNamed(named));
  const retryPermissions = retryChange(principal.scopes.has('amis:publish'));
  return (job, now) => {
    const copies = retryCopies(job, now);
    return copies === null ? retryPermissions(job, now) : shareAnew(copies, toRetry(job, named));
  };
}

function shareAnew(after: Job, retried: ReadonlySet<string>): Job {
  if (after.kind !== 'copy') return after;
  const destinations = after.destinations.map((one) => {
    return retried.has(destinationKey(one)) ? { ...one, given: null, supersededBy: null } : one;
  });
  return { ...after, destinations };
}

/**
 * Copies the failed destinations again, each as a new attempt; the others stay as they are.
 * @param destinations keys of the destinations to retry; default: all that failed
 * @throws {AmiferryError} `job-not-found`; `missing-scope`, `outside-policy`; `nothing-to-retry` when no destination has failed;
 *   those of name-destinations.ts
 */
export async function retryJob(
  deps: CommandDeps,
  id: string,
  principal: Principal,
  claim: Claim | null = null,
  destinations?: readonly string[],
): Promise<Job> {
  const { result, named } = await retryAuthorised(deps, id, principal, claim, destinations);
  if (result.outcome === 'missing') throw new AmiferryError('job-not-found', `there is no job ${id}`);
  if (result.outcome === 'unchanged' && isBeingRemoved(result.job, named)) {
    throw new AmiferryError(
      'job-running',
      `copies of job ${id} are still being removed: retry it when that is done`,
    );
  }
  if (result.outcome === 'unchanged') {
    const what = named === null ? 'no destination of it' : `none of ${[...named].join(', ')}`;
    const message = `job ${id} is ${jobState(result.job)} and ${what} has failed`;
    throw new AmiferryError('nothing-to-retry', message);
  }
  return result.job;
}
