import type { CopyJob, Destination } from '../domain/job.ts';
import { attemptRef, destinationKey, destinationScope, findDestination } from '../domain/job.ts';
import { accept } from '../domain/transitions.ts';
import type { UpdateOutcome } from '../store/store.ts';
import { changeCopy } from './change-job.ts';
import type { WorkerDeps } from './deps.ts';
import { rememberLeftover } from './remove-leftover.ts';

/**
 * Records the image that EC2 answered with. Where the record is at another attempt, has another image, or is finished, the
 * image becomes a leftover: nothing else would ever remove it.
 */
export async function takeImage(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  imageId: string,
): Promise<void> {
  const result = await changeCopy(deps, job.id, accept(attemptRef(destination), imageId));
  if (result.outcome === 'changed' || imageOf(result, destination) === imageId) return;
  deps.logger.warn(
    { job: job.id, ...destinationScope(destination), imageId },
    'CopyImage answered for an attempt that is over',
  );
  await rememberLeftover(deps, job, destination, imageId);
}

function imageOf(result: UpdateOutcome, before: Destination): string | null {
  if (result.outcome === 'missing' || result.job.kind !== 'copy') return null;
  const now = findDestination(result.job, destinationKey(before));
  return now?.attempts === before.attempts ? now.imageId : null;
}
