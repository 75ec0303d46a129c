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
  /** Increases with every new image and snapshot: it defines the order of lists and the position of a NextToken. */
  readonly sequence: number;
  readonly region: string;
  readonly ownerId: string;
  readonly name: string;
  description: string;
  readonly architecture: string;
  readonly rootDeviceName: string;
  readonly createdAt: number;
  /** Until then it is NotFound (eventual consistency). */
  readonly visibleAt: number;
  lifecycle: Lifecycle<ImageState>;
  /** The part (0–1) of a copy before which its devices do not name their snapshots. */
  readonly snapshotIdAfter: number;
  readonly devices: readonly Device[];
  /** Sizes of blank EBS volumes without a snapshot. */
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

/** Whether DescribeImages already returns the snapshots of the image. */
export function namesItsSnapshots(image: Image, now: number): boolean {
  return partDone(image.lifecycle, now) >= image.snapshotIdAfter;
}
