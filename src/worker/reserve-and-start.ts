import type { CopyJob, Destination } from '../domain/job.ts';
import { attemptRef, destinationKey, destinationScope, isTimeBased } from '../domain/job.ts';
import { onCopy } from '../domain/apply-transition.ts';
import { beginOrPark } from '../domain/transitions.ts';
import { changed } from './change-job.ts';
import type { WorkerDeps } from './deps.ts';
import { startLimits } from './wait-queue.ts';
import type { CopyInHand } from './read-copy.ts';

/**
 * Saves the intents to call CopyImage for some destinations of a job, and takes their copy slots and calls, in one write. From
 * then on any worker may make the calls at any time. Destinations without a slot or a call wait.
 * @returns the destinations whose intent this write saved
 */
export async function reserveAndStart(
  deps: WorkerDeps,
  known: CopyJob,
  destinations: readonly Destination[],
): Promise<CopyInHand[]> {
  const wanted = destinations.map((one) => ({
    destination: destinationKey(one),
    scope: destinationScope(one),
    isTimeBased: isTimeBased(one),
  }));
  const refs = destinations.map(attemptRef);
  const result = await deps.store.updateWithSlots(
    { job: known, destinations: wanted, limits: startLimits(deps.settings) },
    (job, now, refused) => onCopy(beginOrPark(refs, refused))(job, now),
  );
  if (result.outcome !== 'changed' || result.before.kind !== 'copy' || result.job.kind !== 'copy') return [];
  await changed(deps, result);
  const { before, job } = result;
  return job.destinations.flatMap((destination, i) =>
    destination.startedAt !== null && before.destinations[i]?.startedAt === null
      ? [{ job, destination }]
      : [],
  );
}
