import type { CopyJob, Destination } from '../domain/job.ts';
import { destinationScope, isNotCopying } from '../domain/job.ts';
import type { DestinationPayload } from '../queue/jobs.ts';
import { begin } from './begin.ts';
import { callCopyImage } from './call-copy-image.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import { mayPass } from './failure.ts';
import { readCopy } from './read-copy.ts';
import { removeEarlier } from './remove-made.ts';

/** Starts one copy: one that stood in line, is tried again, or was begun and not answered. */
export async function startCopy(deps: WorkerDeps, ref: DestinationPayload): Promise<StepOutcome> {
  const copy = await readCopy(deps, ref);
  if (copy === null) return DONE;
  const { job, destination } = copy;
  if (!isNotCopying(destination)) return DONE;
  if (destination.startedAt !== null) return callCopyImage(deps, job, destination);

  if (destination.attempts > 1 && !(await removeEarlierAttempts(deps, job, destination))) {
    return { outcome: 'again', why: 'the earlier attempt is still being removed' };
  }
  const [begun] = await begin(deps, job, [destination]);
  return begun === undefined ? DONE : callCopyImage(deps, begun.job, begun.destination, { fresh: true });
}

/** Best effort: leftovers of a failed attempt must not keep the next one from starting for ever. */
async function removeEarlierAttempts(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
): Promise<boolean> {
  const scope = destinationScope(destination);
  try {
    return await removeEarlier(deps.gateway, scope, job, destination.attempts);
  } catch (error) {
    if (mayPass(error)) return false;
    deps.logger.warn(
      { err: error, job: job.id, region: scope.region },
      'could not remove the earlier attempt',
    );
    return true;
  }
}
