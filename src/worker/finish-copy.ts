import type { Scope } from '../domain/ami.ts';
import { snapshotIdsOf } from '../domain/ami.ts';
import { tagsOfCopy, tagsOfImage } from '../domain/copy-tags.ts';
import type { CopyJob, Destination, Failure, Job, Warning } from '../domain/job.ts';
import { copyRef, destinationKey, destinationScope, findDestination, ownerLeftOut } from '../domain/job.ts';
import { nextStep } from '../domain/next-step.ts';
import { copyAboutToGive } from '../domain/permission-transitions.ts';
import type { PermissionState } from '../domain/permissions.ts';
import { NO_REQUEST, withoutOwner } from '../domain/permissions.ts';
import { beginSharing, fail, heldUp, notFound, onCopy, succeed } from '../domain/transitions.ts';
import { AwsError } from '../aws/aws-error.ts';
import { AmiferryError } from '../errors.ts';
import { ifKnown } from '../permissions/facts.ts';
import { readPermissions } from '../permissions/read.ts';
import type { DestinationPayload } from '../queue/jobs.ts';
import { changeCopy } from './change-job.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import type { Wait } from './failure.ts';
import {
  failureBecause,
  failureOf,
  isCredentials,
  isHeldUp,
  isInTime,
  isThrottled,
  mayBeThrottled,
  mayTryAgain,
} from './failure.ts';
import { isFirstInQueue } from './first-in-queue.ts';
import { readCopy } from './read-copy.ts';
import { waitForAccount } from './unreachable.ts';
import { takeBack, share } from './share.ts';
import type { ShareOutcome, ShareRequest } from './share-request.ts';
import { supersededBy } from './supersede.ts';

/**
 * Finishes an available copy: tags what came without its tags, shares it if that was asked for, then calls it
 * succeeded. Converges when run twice. A copy that can't be shared is kept, private.
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

/** The key of an encrypted copy. EC2 may not have described the copy's snapshots when its end was seen: then they are asked for once more. */
async function keyOf({ gateway }: WorkerDeps, destination: Destination): Promise<string | null> {
  const { encrypted, imageId, kmsKeyId } = destination;
  if (encrypted !== true || kmsKeyId !== null || imageId === null) return kmsKeyId;
  const scope = destinationScope(destination);
  const image = await ifKnown(gateway.describeImage(scope, imageId));
  const snapshots = image && (await ifKnown(gateway.describeSnapshots(scope, snapshotIdsOf([image]))));
  return snapshots?.find((one) => one.kmsKeyId !== null)?.kmsKeyId ?? null;
}

/** A retry took it up again: its image may have been removed since. */
function isResumed({ availableAt, finishingSince }: Destination): boolean {
  return typeof finishingSince === 'number' && finishingSince > (availableAt ?? 0);
}

/** @throws {AmiferryError} `image-not-found`, which may be a stale answer */
async function requireImage(deps: WorkerDeps, destination: Destination): Promise<void> {
  const { imageId } = destination;
  const image =
    imageId === null ? null : await deps.gateway.describeImage(destinationScope(destination), imageId);
  if (image === null || image.state === 'deregistered') throw notThere(imageId);
}

function notThere(imageId: string | null): AmiferryError {
  return new AmiferryError('image-not-found', `${imageId} is no longer there`);
}

async function addTags(deps: WorkerDeps, job: CopyJob, destination: Destination): Promise<void> {
  const { untagged, imageId } = destination;
  const scope = destinationScope(destination);
  const snapshots = untagged.filter((id) => id !== imageId);
  if (snapshots.length > 0) await deps.gateway.createTags(scope, snapshots, tagsOfCopy(job, destination));
  if (imageId !== null && untagged.includes(imageId))
    await deps.gateway.createTags(scope, [imageId], tagsOfImage(job, destination));
}

/**
 * Shares a copy as asked, after earlier changes of its permissions. What others have given or taken meanwhile stays.
 * @returns warnings; `null` when another change comes first
 * @throws {AmiferryError} why the copy isn't shared; it is as it was then
 */
async function sharePermissions(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
): Promise<Warning[] | null> {
  const { imageId } = destination;
  if (job.permissions === null || imageId === null) return [];
  const scope = destinationScope(destination);
  const me = { jobId: job.id, destination: destinationKey(destination) };
  if (!(await isFirstInQueue(deps, scope, imageId, me))) return null;
  const image = await deps.gateway.describeImage(scope, imageId);
  if (image === null) throw notThere(imageId);
  const before = destination.sharedFrom ?? (await readPermissions(deps, scope, image)).state;
  if (destination.sharedFrom === null) {
    const begun = await deps.store.updateIfFirst(
      me,
      scope,
      imageId,
      onCopy(beginSharing(copyRef(destination), before)),
    );
    if (begun.outcome !== 'changed') return null;
  }
  const { set, wasNamed } = withoutOwner(job.permissions, image.ownerId);
  const request: ShareRequest = {
    job,
    me,
    image,
    change: { mode: 'patch', add: set, remove: NO_REQUEST },
    before,
    // A copy is accepted only with the scopes for all that it is to be given.
    mayPublish: true,
    remember: (given, warnings) => copyAboutToGive(me.destination, given, warnings),
  };
  if (destination.supersededBy) {
    if ((await takeBack(deps, scope, request)) === null) throw notTakenBack(scope.region);
    const { message } = supersededBy({ id: destination.supersededBy });
    return [{ code: 'superseded', message, region: scope.region }];
  }
  const result = await shareOrPutBack(deps, request, waitOf(deps, destination));
  if (result.outcome === 'shared')
    return wasNamed ? [ownerLeftOut(image.ownerId, scope.region), ...result.warnings] : result.warnings;
  if (result.outcome === 'unsettled') throw unsettled(scope.region);
  const [reason] = result.reasons;
  throw new AmiferryError(
    reason?.code ?? 'internal-error',
    result.reasons.map(({ message }) => message).join('; '),
  );
}

/**
 * What EC2 breaks off in the middle, and what is tried in vain for too long, is put back: better private than half
 * shared.
 */
async function shareOrPutBack(deps: WorkerDeps, request: ShareRequest, wait: Wait): Promise<ShareOutcome> {
  const scope: Scope = request.image;
  try {
    const result = await share(deps, scope, request);
    if (result.outcome === 'unsettled' && !isInTime(deps, wait)) await takeBack(deps, scope, request);
    return result;
  } catch (error) {
    // Without credentials nothing can be taken back either, and nothing needs to be: the step goes on once they work.
    if (!(error instanceof AmiferryError) || isCredentials(error)) throw error;
    if (mayTryAgain(deps, wait, error) || (isStale(error) && isInTime(deps, wait))) throw error;
    if ((await takeBackInTime(deps, request, wait)) !== null) throw error;
    const { imageId } = request.image;
    const message = `${error.message} What was shared by then could not be taken back: look at GET /amis/${imageId}/permissions?region=${scope.region}, and DELETE them.`;
    throw new AmiferryError(error.code, message, {
      cause: error,
      ...(error.aws === null ? {} : { aws: error.aws }),
    });
  }
}

/** {@link takeBack}, which waits for EC2 that throttles it until the copy's deadline for that; `null` after it. */
async function takeBackInTime(
  deps: WorkerDeps,
  request: ShareRequest,
  wait: Wait,
): Promise<PermissionState | null> {
  try {
    return await takeBack(deps, request.image, request);
  } catch (error) {
    if (isThrottled(error) && !mayBeThrottled(deps, wait)) return null;
    throw error;
  }
}

/** A new image may look unfinished or unknown to one of EC2's machines for a while, after another called it available. */
function isStale(error: unknown): boolean {
  return error instanceof AwsError && error.kind === 'missing';
}

/** Counted from when the copy was there, or a retry resumed it. */
function waitOf({ store }: WorkerDeps, destination: Destination): Wait {
  const { availableAt, finishingSince, unreachableSince, heldUpAt } = destination;
  return { since: finishingSince ?? availableAt ?? 0, heldUpAt: unreachableSince ? store.now() : heldUpAt };
}

function notTakenBack(region: string): AwsError {
  const message = `a later change withdraws what the copy in ${region} was shared with, and that could not be taken back yet`;
  return new AwsError('transient', message, 'NotPutBack', null, undefined);
}

function unsettled(region: string): AwsError {
  const message = `the permissions of the copy in ${region} are set, and EC2 does not show them yet`;
  return new AwsError('transient', message, 'NotSettled', null, undefined);
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

/** EC2 does not know the image, or a snapshot, of an available copy. One answer may be stale: several decide. */
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
  if (!over) return { outcome: 'again', why: failure.message };
  return DONE;
}

function changedCopy(job: Job, before: Destination): Destination {
  return (job.kind === 'copy' ? findDestination(job, destinationKey(before)) : undefined) ?? before;
}
