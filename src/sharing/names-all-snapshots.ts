import type { Image, Scope } from '../domain/ami.ts';
import { snapshotIdsOf } from '../domain/ami.ts';
import type { SharingDeps } from './deps.ts';

/**
 * Whether EC2 names all snapshots of an image. A device without a snapshot has two possible causes. It is a device of a copy
 * that has just become available, whose snapshots EC2 does not name yet, or it is a blank volume, which never has one. EC2
 * describes the snapshots of a copy as copied for it, so the snapshots that the image does not name yet are known. An image
 * that is not a copy, or is old, names all its snapshots.
 */
export async function namesAllSnapshots(deps: SharingDeps, scope: Scope, image: Image): Promise<boolean> {
  if (hasAllDevices(image)) return true;
  const named = new Set(snapshotIdsOf([image]));
  if (named.size === 0) return false;
  const copied = await deps.gateway.snapshotsCopiedFor(scope, image.imageId);
  if (copied.length > 0) return copied.every(({ snapshotId }) => named.has(snapshotId));
  return image.source === null || isOld(deps, image);
}

function isOld({ store, settings }: SharingDeps, { createdAt }: Image): boolean {
  return createdAt !== null && store.now() - Date.parse(createdAt) > settings.lostCopyMs;
}

/** Right after an image is available EC2 may not name all of its snapshots yet. An image without any is from an instance store. */
function hasAllDevices({ snapshots, ebsBacked }: Image): boolean {
  if (snapshots.length === 0) return ebsBacked !== true;
  return snapshots.every(({ snapshotId }) => snapshotId !== null);
}
