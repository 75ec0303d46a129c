import { partDone, stateAt, type Lifecycle } from './lifecycle.ts';
import type { PermissionSet } from './permissions.ts';

export type SnapshotState = 'pending' | 'completed' | 'error' | 'recoverable' | 'recovering';

/** An EBS snapshot. Times are simulated milliseconds since the epoch, sizes in GiB. */
export interface Snapshot {
  readonly snapshotId: string;
  readonly sequence: number;
  readonly region: string;
  readonly ownerId: string;
  readonly description: string;
  readonly volumeSize: number;
  /** The ARN of its key; undefined when it is not encrypted. */
  readonly kmsKeyId: string | undefined;
  readonly encrypted: boolean;
  readonly startedAt: number;
  readonly visibleAt: number;
  lifecycle: Lifecycle<SnapshotState>;
  /** The duration of a time-based copy; undefined for a standard copy, null for a snapshot that is no copy. */
  readonly completionMinutes: number | undefined | null;
  tags: Map<string, string>;
  volumePermissions: PermissionSet;
}

export function snapshotState(snapshot: Snapshot, now: number): SnapshotState {
  return stateAt(snapshot.lifecycle, now).state;
}

/** EC2's `Progress`: "42%", and "100%" only once it is completed. */
export function progressOf(snapshot: Snapshot, now: number): string {
  if (snapshotState(snapshot, now) === 'completed') return '100%';
  return `${Math.min(99, Math.floor(partDone(snapshot.lifecycle, now) * 100))}%`;
}
