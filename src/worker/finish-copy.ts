import { snapshotIdsOf } from '../domain/ami.ts';
import { tagsOfCopy, tagsOfImage } from '../domain/copy-tags.ts';
import type { CopyJob, Destination, Failure, Job } from '../domain/job.ts';
import { copyRef, destinationKey, destinationScope, findDestination } from '../domain/job.ts';
import { nextStep } from '../domain/next-step.ts';
import { fail, heldUp, notFound, succeed } from '../domain/transitions.ts';
import { AmiferryError } from '../errors.ts';
import { ifKnown } from '../sharing/facts.ts';
import type { DestinationPayload } from '../queue/jobs.ts';
import { changeCopy } from './change-job.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import { failureBecause, failureOf, isCredentials, isHeldUp, mayTryAgain } from './failure.ts';
import { readCopy } from './read-copy.ts';
import { waitForAccount } from './unreachable.ts';
import { isStale, notThere, sharePermissions, waitOf } from './share-copy.ts';

/**
 * Finishes an available copy: adds missing tags, shares the copy if that was requested, then marks it as succeeded. It is
 * idempotent. A copy that can't be shared is kept, private.
 */
export async function finishCopy(deps: WorkerDeps, ref: DestinationPayload): Promise<StepOutcome> {
  const copy = await readCopy(deps, ref);
  if (copy === null) return DONE;
  const { job, destination } = copy;
  if (nextStep(destination) !== 'finish-copy') return DONE;
  try {
    if (isResumed(destination)) await requireImage(deps, destination);
    await addTags(deps, job, destination);
    const warnings = await sharePermissions(deps, job, destination);
    if (warnings === null) return { outcome: 'again', why: 'another change of its permissions comes first' };
    const kmsKeyId = await keyOf(deps, destination);
    await changeCopy(deps, job.id, succeed(copyRef(destination), warnings, kmsKeyId));
    return DONE;
  } catch (error) {
    if (!(error instanceof AmiferryError)) throw error;
    return afterError(deps, job, destination, error);
  }
}

/**
 * The key of an encrypted copy. EC2 may not have described the copy's snapshots when its end was seen: then they are described
 * once more.
 */
async function keyOf({ gateway }: WorkerDeps, destination: Destination): Promise<string | null> {
  const { encrypted, imageId, kmsKeyId } = destination;
  if (encrypted !== true || kmsKeyId !== null || imageId === null) return kmsKeyId;
  const scope = destinationScope(destination);
  const image = await ifKnown(gateway.describeImage(scope, imageId));
  const snapshots = image && (await ifKnown(gateway.describeSnapshots(scope, snapshotIdsOf([image]))));
  return snapshots?.find((one) => one.kmsKeyId !== null)?.kmsKeyId ?? null;
}

/** A retry has resumed the copy: its image may have been removed since. */
function isResumed({ availableAt, finishingSince }: Destination): boolean {
  return typeof finishingSince === 'number' && finishingSince > (availableAt ?? 0);
}

/** @throws {AmiferryError} `image-not-found`, which may come from a stale answer */
async function requireImage(deps: WorkerDeps, destination: Destination): Promise<void> {
  const { imageId } = destination;
  const image =
    imageId === null ? null : await deps.gateway.describeImage(destinationScope(destination), imageId);
  if (image === null || image.state === 'deregistered') throw notThere(imageId);
}

async function addTags(deps: WorkerDeps, job: CopyJob, destination: Destination): Promise<void> {
  const { untagged, imageId } = destination;
  const scope = destinationScope(destination);
  const snapshots = untagged.filter((id) => id !== imageId);
  if (snapshots.length > 0) await deps.gateway.createTags(scope, snapshots, tagsOfCopy(job, destination));
  if (imageId !== null && untagged.includes(imageId))
    await deps.gateway.createTags(scope, [imageId], tagsOfImage(job, destination));
}

async function afterError(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  error: AmiferryError,
): Promise<StepOutcome> {
  if (isCredentials(error)) return waitForAccount(deps, job.id, copyRef(destination), error);
  if (error.code === 'image-not-found') return missing(deps, job, destination, disappeared(destination));
  const settling =
    isStale(error) && deps.store.now() - (destination.availableAt ?? 0) < deps.settings.lostCopyMs;
  if (settling || mayTryAgain(deps, waitOf(deps, destination), error)) {
    if (isHeldUp(destination, error)) await changeCopy(deps, job.id, heldUp(copyRef(destination)));
    return { outcome: 'again', why: error.message };
  }
  const failure = failureOf(error);
  const message = `${destination.imageId} is available and kept, but could not be finished: ${failure.message}`;
  if (isStale(error)) return missing(deps, job, destination, { ...failure, message });
  await changeCopy(deps, job.id, fail(copyRef(destination), { ...failure, message }));
  return DONE;
}

function disappeared({ imageId }: Destination): Failure {
  const message = `${imageId} was available, and EC2 no longer shows it: several polls did not find it. Retry the job to copy again.`;
  return failureBecause('copy-disappeared', message);
}

/** EC2 does not know the image, or a snapshot, of an available copy. One answer may be stale, so several polls decide. */
async function missing(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  failure: Failure,
): Promise<StepOutcome> {
  const ref = copyRef(destination);
  const transition = notFound(ref, deps.settings, fail(ref, failure));
  const result = await changeCopy(deps, job.id, transition);
  const over =
    result.outcome !== 'changed' || nextStep(changedCopy(result.job, destination)) !== 'finish-copy';
  return over ? DONE : { outcome: 'again', why: failure.message };
}

function changedCopy(job: Job, before: Destination): Destination {
  return (job.kind === 'copy' ? findDestination(job, destinationKey(before)) : undefined) ?? before;
}
