import type { ImageName } from './ami.ts';
import type { CopyJob, Destination, Failure } from './job.ts';
import { destinationKey, destinationScope, isFinished } from './job.ts';
import type { PermissionRequest } from './permissions.ts';

/**
 * With `"via": "region"` a job makes one copy into each region in the source's account, the hub, and then copies of the hub within the region
 * into the other accounts, its spokes. A spoke waits until its hub is available.
 */

/** The hub that a destination is copied from; `undefined` for one that is copied from the source of the job. */
export function hubOf(job: Pick<CopyJob, 'destinations'>, { spec }: Destination): Destination | undefined {
  return spec.hub === undefined
    ? undefined
    : job.destinations.find((one) => destinationKey(one) === spec.hub);
}

/** The destinations that are copied from a hub. */
export function spokesOf(job: Pick<CopyJob, 'destinations'>, hub: Destination): Destination[] {
  const key = destinationKey(hub);
  return job.destinations.filter(({ spec }) => spec.hub === key);
}

/** Whether copies can be made of a hub: EC2 has completed it, and it is not (being) removed. */
export function isHubUsable({ imageId, availableAt, stopping, imageState, state }: Destination): boolean {
  if (imageId === null || availableAt === null || stopping !== null) return false;
  return state !== 'cancelled' && imageState !== 'deregistered';
}

/**
 * The image that a destination is copied from: the source of the job or, for a spoke, the image that its attempt was started with, or is
 * to be started with. `null` while its hub is not available.
 */
export function sourceOf(job: CopyJob, one: Destination): ImageName | null {
  const { id, account, region } = job.image;
  if (one.spec.hub === undefined) return { imageId: id, account, region };
  const hub = hubOf(job, one);
  if (hub === undefined) return null;
  const started = one.startedAt === null && !one.calledAgain ? undefined : one.sources?.at(-1);
  const imageId = started ?? (isHubUsable(hub) ? hub.imageId : null);
  return imageId === null ? null : { imageId, ...destinationScope(hub) };
}

/** Whether a destination waits for its hub. */
export function waitsForHub(job: CopyJob, one: Destination): boolean {
  return one.spec.hub !== undefined && sourceOf(job, one) === null;
}

/** The permissions that a copy gets. A hub that was not asked for itself stays private: the request names the copies, and not it. */
export function permissionsFor(job: CopyJob, { spec }: Destination): PermissionRequest | null {
  return spec.isAddedHub === true ? null : job.permissions;
}

/** Whether nothing of a hub is left to wait for: it ended without an image that could be copied. */
function hasFailed(hub: Destination): boolean {
  return isFinished(hub) && !isHubUsable(hub);
}

/** The end of a hub without an image ends the spokes that wait for it. */
export function endedWithHub(job: CopyJob, one: Destination, now: number): Destination {
  const hub = hubOf(job, one);
  const isWaiting = (one.state === 'queued' || one.state === 'waiting') && one.stopping === null;
  if (hub === undefined || !isWaiting || sourceOf(job, one) !== null || !hasFailed(hub)) return one;
  return { ...one, state: 'failed', error: hubFailed(hub), finishedAt: now };
}

function hubFailed(hub: Destination): Failure {
  const { state, imageState, error } = hub;
  const end = imageState === 'deregistered' ? imageState : state;
  const why = error === null ? `it was ${end}` : error.message;
  const message = `this copy was to be made of the copy in ${destinationKey(hub)}, which is not available: ${why}${why.endsWith('.') ? '' : '.'} POST …/retry makes both.`;
  return { code: 'hub-failed', message, retryable: true, awsCode: null, awsRequestId: null };
}

/** With `"hubCopies": "remove"` a hub that was not asked for itself is removed when no spoke needs it any more. */
export function removedWhenUnneeded(job: CopyJob, one: Destination, now: number): Destination {
  if (job.hubCopies !== 'remove' || one.spec.isAddedHub !== true) return one;
  if (one.state !== 'succeeded' || one.stopping !== null || one.imageState === 'deregistered') return one;
  if (!spokesOf(job, one).every(isFinished)) return one;
  return {
    ...one,
    stopping: 'hub-done',
    stoppingAt: now,
    unreachableSince: null,
    unseen: null,
    finishedAt: null,
  };
}
