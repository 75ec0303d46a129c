import type { Change, UpdateOutcome } from '../store/store.ts';
import { happenings } from '../domain/job-events.ts';
import { nextStep } from '../domain/next-step.ts';
import { destinationKey, findDestination } from '../domain/job.ts';
import type { WorkerDeps } from './deps.ts';

/**
 * Writes a change of a job, logs what happened, and wakes whatever the change made due: a copy that became available
 * is to be finished, a failure may take the job's other copies down.
 */
export async function changeJob(deps: WorkerDeps, jobId: string, change: Change): Promise<UpdateOutcome> {
  const result = await deps.store.update(jobId, change);
  if (result.outcome !== 'changed') return result;
  const { before, job } = result;
  for (const { type, destination } of happenings(before, job)) {
    if (type !== 'destination.progress') deps.logger.info({ job: jobId, ...destination }, type);
  }
  for (const one of job.destinations) {
    const step = nextStep(one);
    const previous = findDestination(before, destinationKey(one));
    if (step === null || (previous !== undefined && nextStep(previous) === step)) continue;
    await deps.producer.wake(step, [{ jobId, destination: destinationKey(one) }]);
  }
  return result;
}
