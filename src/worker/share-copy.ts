import type { Image, Scope } from '../domain/ami.ts';
import type { CopyJob, Destination, Warning } from '../domain/job.ts';
import { permissionsFor } from '../domain/hubs.ts';
import { copyRef, destinationKey, destinationScope, ownerLeftOut } from '../domain/job.ts';
import { copyAboutToGive } from '../domain/permission-transitions.ts';
import type { PermissionState } from '../domain/permissions.ts';
import { NO_REQUEST, withoutOwner } from '../domain/permissions.ts';
import { onCopy } from '../domain/apply-transition.ts';
import { beginSharing } from '../domain/transitions.ts';
import { AwsError } from '../aws/aws-error.ts';
import { AmiferryError } from '../errors.ts';
import type { Permissions } from '../sharing/read.ts';
import { readPermissions } from '../sharing/read.ts';
import type { ChangeRef } from '../store/change-queues.ts';
import type { WorkerDeps } from './deps.ts';
import type { Wait } from './failure.ts';
import { isCredentials, isInTime, isThrottled, mayBeThrottled, mayTryAgain } from './failure.ts';
import { isFirstInQueue } from '../sharing/fence.ts';
import { share } from '../sharing/apply.ts';
import { takeBack } from '../sharing/take-back.ts';
import type { ShareOutcome, ShareRequest } from '../sharing/request.ts';
import { supersededBy } from '../sharing/supersede.ts';

/**
 * Shares a copy as requested, after the earlier changes of its permissions. What others give or take meanwhile stays.
 * @returns warnings; `null` when another change is first in the wait queue
 * @throws {AmiferryError} why the copy is not shared; its permissions are then as before
 */
export async function sharePermissions(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
): Promise<Warning[] | null> {
  const { imageId } = destination;
  const permissions = permissionsFor(job, destination);
  if (permissions === null || imageId === null) return [];
  const scope = destinationScope(destination);
  const me = { jobId: job.id, destination: destinationKey(destination) };
  if (!(await isFirstInQueue(deps, scope, imageId, me))) return null;
  const image = await deps.gateway.describeImage(scope, imageId);
  if (image === null) throw notThere(imageId);
  const begun = await begin(deps, me, destination, image);
  if (begun === null) return null;
  const { set, wasNamed } = withoutOwner(permissions, image.ownerId);
  const request: ShareRequest = {
    job,
    me,
    image,
    change: { mode: 'patch', add: set, remove: NO_REQUEST },
    before: begun.before,
    // A copy is accepted only with the scopes for everything that it is to be given.
    mayPublish: true,
    remember: (given, warnings) => copyAboutToGive(me.destination, given, warnings),
  };
  if (destination.supersededBy) {
    if ((await takeBack(deps, scope, request)) === null) throw notTakenBack(scope.region);
    const { message } = supersededBy({ id: destination.supersededBy });
    return [{ code: 'superseded', message, ...scope }];
  }
  const result = await shareOrPutBack(deps, request, begun.read, waitOf(deps, destination));
  if (result.outcome === 'shared')
    return wasNamed ? [ownerLeftOut(image.ownerId, scope), ...result.warnings] : result.warnings;
  if (result.outcome === 'unsettled') throw unsettled(scope.region);
  const [reason] = result.reasons;
  throw new AmiferryError(
    reason?.code ?? 'internal-error',
    result.reasons.map(({ message }) => message).join('; '),
  );
}

/**
 * The permissions of the copy before it was shared: saved by an earlier run, or read now (`read`). `null` when another change
 * is first in the wait queue, or the record has changed to another state.
 */
async function begin(
  deps: WorkerDeps,
  me: ChangeRef,
  destination: Destination,
  image: Image,
): Promise<{ before: PermissionState; read: Permissions | null } | null> {
  const { sharedFrom } = destination;
  if (sharedFrom !== null) return { before: sharedFrom, read: null };
  const scope = destinationScope(destination);
  const read = await readPermissions(deps, scope, image);
  const transition = onCopy(beginSharing(copyRef(destination), read.state));
  const begun = await deps.store.updateIfFirst(me, scope, image.imageId, transition);
  return begun.outcome === 'changed' ? { before: read.state, read } : null;
}

/**
 * Restores the permissions after a sharing that EC2 refused half-way, or that failed for too long: a private copy is better
 * than one that is half shared.
 */
async function shareOrPutBack(
  deps: WorkerDeps,
  request: ShareRequest,
  read: Permissions | null,
  wait: Wait,
): Promise<ShareOutcome> {
  const scope: Scope = request.image;
  try {
    const result = await share(deps, scope, request, read);
    if (result.outcome === 'unsettled' && !isInTime(deps, wait)) await takeBack(deps, scope, request);
    return result;
  } catch (error) {
    // Without credentials nothing can be taken back. Nothing needs to be: the step continues once they work.
    if (!(error instanceof AmiferryError) || isCredentials(error)) throw error;
    if (mayTryAgain(deps, wait, error) || (isStale(error) && isInTime(deps, wait))) throw error;
    if ((await takeBackInTime(deps, request, wait)) !== null) throw error;
    const { imageId } = request.image;
    const message = `${error.message} What was already shared could not be taken back: read GET /amis/${imageId}/permissions?region=${scope.region}, and DELETE them.`;
    throw new AmiferryError(error.code, message, {
      cause: error,
      ...(error.aws === null ? {} : { aws: error.aws }),
    });
  }
}

/** {@link takeBack} with retries while EC2 throttles it, until the copy's deadline for throttling; `null` after that. */
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

/** One of EC2's machines may show a new image as unfinished or unknown for a while, after another has shown it as available. */
export function isStale(error: unknown): boolean {
  return error instanceof AwsError && error.kind === 'missing';
}

/** Deadlines count from when the copy was available, or a retry resumed it. */
export function waitOf({ store }: WorkerDeps, destination: Destination): Wait {
  const { availableAt, finishingSince, unreachableSince, heldUpAt } = destination;
  return { since: finishingSince ?? availableAt ?? 0, heldUpAt: unreachableSince ? store.now() : heldUpAt };
}

/** The error of a step for which EC2 does not show the image of a copy. */
export function notThere(imageId: string | null): AmiferryError {
  return new AmiferryError('image-not-found', `${imageId} is no longer there`);
}

function notTakenBack(region: string): AwsError {
  const message = `a later change withdraws what the copy in ${region} was shared with, and that could not be taken back yet`;
  return new AwsError('transient', message, 'NotPutBack', null, undefined);
}

function unsettled(region: string): AwsError {
  const message = `the permissions of the copy in ${region} are set, and EC2 does not show them yet`;
  return new AwsError('transient', message, 'NotSettled', null, undefined);
}
