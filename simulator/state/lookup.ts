import { AwsError, imageNotFound, notTheOwner, snapshotNotFound } from '../errors.ts';
import { type Image } from './image.ts';
import { admits } from './permissions.ts';
import type { Snapshot } from './snapshot.ts';
import type { World } from './world.ts';

/** The caller's account and region. */
export interface Viewer {
  readonly world: World;
  readonly account: string;
  readonly region: string;
}

/** Images that are owned, public or shared with the account, except those still NotFound after CopyImage. */
export function canSeeImage(image: Image, account: string, now: number): boolean {
  return now >= image.visibleAt && (image.ownerId === account || admits(image.launchPermissions, account));
}

/** Snapshots that are owned, or shared with the account by createVolumePermission. */
export function canSeeSnapshot(snapshot: Snapshot, account: string, now: number): boolean {
  return (
    now >= snapshot.visibleAt && (snapshot.ownerId === account || admits(snapshot.volumePermissions, account))
  );
}

/** @throws AwsError InvalidAMIID.Malformed or InvalidSnapshotID.Malformed */
export function requireId(prefix: 'ami' | 'snap', id: string): void {
  if (new RegExp(`^${prefix}-(?:[0-9a-f]{8}|[0-9a-f]{17})$`).test(id)) return;
  const code = prefix === 'ami' ? 'InvalidAMIID.Malformed' : 'InvalidSnapshotID.Malformed';
  throw new AwsError(code, `Invalid id: "${id}" (expecting "${prefix}-...")`);
}

/** @throws AwsError InvalidAMIID.Malformed, InvalidAMIID.NotFound */
export function seenImage({ world, account, region }: Viewer, imageId: string): Image {
  requireId('ami', imageId);
  const image = world.region(region).images.get(imageId);
  if (image === undefined || !canSeeImage(image, account, world.clock.now())) throw imageNotFound(imageId);
  return image;
}

/** @throws AwsError as seenImage, and AuthFailure for another account's image */
export function ownImage(viewer: Viewer, imageId: string): Image {
  const image = seenImage(viewer, imageId);
  if (image.ownerId !== viewer.account) throw notTheOwner('image', imageId);
  return image;
}

/** @throws AwsError InvalidSnapshotID.Malformed, InvalidSnapshot.NotFound */
export function seenSnapshot({ world, account, region }: Viewer, snapshotId: string): Snapshot {
  requireId('snap', snapshotId);
  const snapshot = world.region(region).snapshots.get(snapshotId);
  if (snapshot === undefined || !canSeeSnapshot(snapshot, account, world.clock.now()))
    throw snapshotNotFound(snapshotId);
  return snapshot;
}

/** @throws AwsError as seenSnapshot, and AuthFailure for another account's snapshot */
export function ownSnapshot(viewer: Viewer, snapshotId: string): Snapshot {
  const snapshot = seenSnapshot(viewer, snapshotId);
  if (snapshot.ownerId !== viewer.account) throw notTheOwner('snapshot', snapshotId);
  return snapshot;
}

/** The existing snapshots of an image. */
export function snapshotsOf(world: World, image: Image): Snapshot[] {
  const { snapshots } = world.region(image.region);
  return image.devices
    .map((device) => snapshots.get(device.snapshotId))
    .filter((snapshot) => snapshot !== undefined);
}

/** The images that use a snapshot. */
export function usersOf(world: World, region: string, snapshotId: string): Image[] {
  const images = [...world.region(region).images.values()];
  return images.filter((image) => image.devices.some((device) => device.snapshotId === snapshotId));
}
