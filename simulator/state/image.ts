import type { PermissionSet } from './permissions.ts';
import { partDone, stateAt, type Lifecycle } from './lifecycle.ts';

export type ImageState =
  | 'pending'
  | 'available'
  | 'invalid'
  | 'deregistered'
  | 'transient'
  | 'failed'
  | 'error'
  | 'disabled';

/** One EBS block device of an image. Sizes in GiB. */
export interface Device {
  readonly deviceName: string;
  readonly snapshotId: string;
  readonly volumeSize: number;
  readonly volumeType: string;
  readonly encrypted: boolean;
}

export interface ImageSource {
  readonly imageId: string;
  readonly region: string;
}

/** An AMI. Times are simulated milliseconds since the epoch. */
export interface Image {
  readonly imageId: string;
  /** Grows with every image and snapshot made: the order of listings, and what a NextToken points at. */
  readonly sequence: number;
  readonly region: string;
  readonly ownerId: string;
  readonly name: string;
  description: string;
  readonly architecture: string;
  readonly rootDeviceName: string;
  readonly createdAt: number;
  /** Until then describing it answers NotFound (eventual consistency). */
  readonly visibleAt: number;
  lifecycle: Lifecycle<ImageState>;
  /** Until this part (0–1) of a copy is done, its devices do not name their snapshots. */
  readonly snapshotIdAfter: number;
  readonly devices: readonly Device[];
  /** Sizes of its blank EBS volumes, which have no snapshot. */
  readonly blankVolumes: readonly number[];
  readonly source: ImageSource | undefined;
  readonly productCodes: readonly string[];
  tags: Map<string, string>;
  launchPermissions: PermissionSet;
  deprecatedAt: number | undefined;
}

export function imageState(image: Image, now: number): ImageState {
  return stateAt(image.lifecycle, now).state;
}

export function isEncrypted(image: Image): boolean {
  return image.devices.some((device) => device.encrypted);
}

/** Whether DescribeImages already tells which snapshots back the image. */
export function namesItsSnapshots(image: Image, now: number): boolean {
  return partDone(image.lifecycle, now) >= image.snapshotIdAfter;
}
