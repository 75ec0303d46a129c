import { holdWaits } from '../domain/holds.ts';
import { waitsForHub } from '../domain/hubs.ts';
import type { Destination } from '../domain/job.ts';
import { attemptRef, destinationScope, isNotCopying, leftoversOf } from '../domain/job.ts';
import type { DestinationPayload } from '../queue/jobs.ts';
import { reserveAndStart } from './reserve-and-start.ts';
import { callCopyImage } from './call-copy-image.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import { isCredentials, isInTime, mayPass } from './failure.ts';
import { findCopies } from './find-copies.ts';
import type { CopyInHand } from './read-copy.ts';
import { readCopy } from './read-copy.ts';
import { rememberLeftover, takeAway } from './remove-leftover.ts';
import { waitForAccount } from './unreachable.ts';

/** Starts one copy: one that waited, one that is retried, or one whose CopyImage call was not answered. */
export async function startCopy(deps: WorkerDeps, ref: DestinationPayload): Promise<StepOutcome> {
  const copy = await readCopy(deps, ref);
  if (copy === null) return DONE;
  const { job, destination } = copy;
  if (!isNotCopying(destination)) return DONE;
  if (waitsForHub(job, destination)) return DONE;
  if (holdWaits(job).forHold(destination)) return afterHold(destination);
  if (destination.startedAt !== null) return callCopyImage(deps, job, destination);

  if (destination.attempts > 1) {
    const wait = await removeEarlierAttempts(deps, copy);
    if (wait !== null) return wait;
  }
  const [begun] = await reserveAndStart(deps, job, [destination]);
  return begun === undefined ? DONE : callCopyImage(deps, begun.job, begun.destination, { fresh: true });
}

/** The write that gives its account access to the source wakes a destination, unless CopyImage was called before. */
function afterHold({ startedAt }: Destination): StepOutcome {
  return startedAt === null ? DONE : { outcome: 'again', why: 'its account is given access to the source' };
}

/**
 * Removes what a failed attempt left, as best effort: it delays the next attempt for RETRY_SECONDS at most. Steps of their own
 * remove what is left then.
 * @returns why to wait; `null` to continue
 */
async function removeEarlierAttempts(deps: WorkerDeps, copy: CopyInHand): Promise<StepOutcome | null> {
  const { job, destination } = copy;
  const waits = isInTime(deps, { since: destination.retriedAt ?? 0 });
  try {
    await rememberEarlier(deps, copy);
    const now = await readCopy(deps, { jobId: job.id, ...attemptRef(destination) });
    for (const leftover of now === null ? [] : leftoversOf(now.destination))
      if ((await takeAway(deps, copy, leftover)) === 'again' && waits)
        return { outcome: 'again', why: 'the earlier attempt is still being removed' };
  } catch (error) {
    if (isCredentials(error)) return waitForAccount(deps, job.id, attemptRef(destination), error);
    if (mayPass(error) && waits) return { outcome: 'again', why: error.message };
    const { region } = destinationScope(destination);
    deps.logger.warn({ err: error, job: job.id, region }, 'could not remove the earlier attempt');
  }
  return null;
}

/** Finds images of earlier attempts whose answers were lost, by their tags. */
async function rememberEarlier(deps: WorkerDeps, { job, destination }: CopyInHand): Promise<void> {
  const isEarlier = (attempt: number) => attempt < destination.attempts;
  const made = await findCopies(deps.gateway, job, destination, isEarlier);
  for (const { imageId } of made) await rememberLeftover(deps, job, destination, imageId);
}
