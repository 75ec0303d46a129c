import { scopeKey } from '../domain/ami.ts';
import type { DestinationState, Job } from '../domain/job.ts';
import { findDestination } from '../domain/job.ts';
import type { JobEvent } from '../domain/job-events.ts';
import { eventsBetween } from '../domain/job-events.ts';
import type { Transition } from '../domain/apply-transition.ts';
import { onCopy } from '../domain/apply-transition.ts';
import { aboutJob } from '../logging/log-context.ts';
import type { Change, UpdateOutcome } from '../store/store.ts';
import type { WorkerDeps } from './deps.ts';
import { pollIntervalOf } from './poll-interval.ts';

/**
 * Writes a change of a job, and logs its events. The write also wakes the steps that it made due: an available copy is to be
 * finished, and a failure may take down the job's other copies.
 */
export async function changeJob(deps: WorkerDeps, jobId: string, change: Change): Promise<UpdateOutcome> {
  const result = await deps.store.update(jobId, change);
  if (result.outcome === 'changed') await changed(deps, result);
  return result;
}

/** Follows a change that was written: log lines, metrics, and an early poll of copies that have begun. */
export async function changed(deps: WorkerDeps, { before, job }: { before: Job; job: Job }): Promise<void> {
  for (const event of eventsBetween(before, job)) {
    const { type, destination } = event;
    const about = { ...aboutJob(job, destination && scopeKey(destination)), ...destination };
    if (type === 'destination.failed') deps.logger.warn({ ...about, ...failureOf(job, destination) }, type);
    else if (type !== 'destination.progress') deps.logger.info(about, type);
    measure(deps, job, event);
    if (type === 'destination.pending') await pollSoon(deps, event);
  }
}

/** The log line of a failure, with what an operator needs: the message, and EC2's code and request id. */
function failureOf(job: Job, destination: JobEvent['destination']): object {
  if (job.kind !== 'copy' || destination === null) return {};
  const failure = findDestination(job, scopeKey(destination))?.error;
  if (!failure) return {};
  const { message, awsCode, awsRequestId } = failure;
  return { error: message, awsCode, awsRequestId };
}

/** The next poll of a scope with older copies may be too late for a copy that has just begun: an earlier poll is requested. */
async function pollSoon(deps: WorkerDeps, { destination }: JobEvent): Promise<void> {
  if (destination === null) return;
  await deps.store.polls.pollBy(destination, deps.store.now() + pollIntervalOf(deps).shortest);
}

const ENDS: ReadonlySet<DestinationState> = new Set(['succeeded', 'failed', 'cancelled']);

function measure({ metrics }: WorkerDeps, job: Job, { type, destination }: JobEvent): void {
  if (destination === null || type !== `destination.${destination.state}`) return;
  const { state } = destination;
  if (state === 'available') metrics.copyAvailable(destination, job.updatedAt - job.createdAt);
  if (ENDS.has(state)) metrics.destinationFinished(destination, state);
}

/** {@link changeJob} by a transition of a copy. */
export function changeCopy(deps: WorkerDeps, jobId: string, transition: Transition): Promise<UpdateOutcome> {
  return changeJob(deps, jobId, onCopy(transition));
}
