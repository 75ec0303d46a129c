import type { Snapshot } from './ami.ts';
import type { Destination } from './job.ts';

/**
 * How far a copy is, in whole percent: its snapshots' progress, each weighted by its size. EC2 gives progress
 * only there (DescribeSnapshots, Progress). No snapshot seen yet is 0.
 */
export function weightedProgress(snapshots: readonly Pick<Snapshot, 'progress' | 'sizeGiB'>[]): number {
  // A size that EC2 does not tell weighs 1, so that it still counts.
  const weight = (snapshot: { sizeGiB: number }) => Math.max(snapshot.sizeGiB, 1);
  const total = snapshots.reduce((sum, one) => sum + weight(one), 0);
  if (total === 0) return 0;
  const done = snapshots.reduce((sum, one) => sum + one.progress * weight(one), 0);
  return Math.max(0, Math.min(100, Math.floor(done / total)));
}

/** How far the snapshot is that is least far, in whole percent: the copy is done when it is. No snapshot seen yet is 0. */
export function leastProgress(snapshots: readonly Pick<Snapshot, 'progress'>[]): number {
  if (snapshots.length === 0) return 0;
  return Math.max(0, Math.min(100, ...snapshots.map(({ progress }) => progress)));
}

/**
 * Seconds until what has come so far (percent) is done, if it goes on as it did since `startedAt`; `null` while there
 * is no progress to base it on. Times in milliseconds.
 */
export function etaSeconds(progress: number, startedAt: number | null, now: number): number | null {
  if (startedAt === null || progress <= 0 || now <= startedAt) return null;
  const elapsed = (now - startedAt) / 1000;
  return Math.ceil((elapsed * (100 - progress)) / progress);
}

/** What is left at a time of the seconds that a destination was expected to take when its progress was last seen. */
export function secondsLeft(
  { etaSeconds: then, expectedAt }: Pick<Destination, 'etaSeconds' | 'expectedAt'>,
  now: number,
): number | null {
  if (then === null || then === 0 || expectedAt === null) return then;
  return Math.max(0, Math.ceil((expectedAt - now) / 1000));
}
