import type { Snapshot } from './ami.ts';
import type { Destination } from './job.ts';

/**
 * The progress of a copy in whole percent: the mean of its snapshots' progress, weighted by size. EC2 reports progress only on
 * snapshots (DescribeSnapshots, Progress). Without any snapshot the progress is 0.
 */
export function weightedProgress(snapshots: readonly Pick<Snapshot, 'progress' | 'sizeGiB'>[]): number {
  // A snapshot whose size EC2 does not report has the weight 1, so that it still counts.
  const weight = (snapshot: { sizeGiB: number }) => Math.max(snapshot.sizeGiB, 1);
  const total = snapshots.reduce((sum, one) => sum + weight(one), 0);
  if (total === 0) return 0;
  const done = snapshots.reduce((sum, one) => sum + one.progress * weight(one), 0);
  return Math.max(0, Math.min(100, Math.floor(done / total)));
}

/** The progress of the slowest snapshot, in whole percent: the copy ends with that one. Without any snapshot it is 0. */
export function leastProgress(snapshots: readonly Pick<Snapshot, 'progress'>[]): number {
  if (snapshots.length === 0) return 0;
  return Math.max(0, Math.min(100, ...snapshots.map(({ progress }) => progress)));
}

/**
 * The expected seconds until the end, from the progress so far (percent) and the time since `startedAt`; `null` without any
 * progress. Times in milliseconds.
 */
export function etaSeconds(progress: number, startedAt: number | null, now: number): number | null {
  if (startedAt === null || progress <= 0 || now <= startedAt) return null;
  const elapsed = (now - startedAt) / 1000;
  return Math.ceil((elapsed * (100 - progress)) / progress);
}

/** The seconds that are left of a destination's expected time, which was computed when its progress was last seen. */
export function secondsLeft(
  { etaSeconds: then, expectedAt }: Pick<Destination, 'etaSeconds' | 'expectedAt'>,
  now: number,
): number | null {
  if (then === null || then === 0 || expectedAt === null) return then;
  return Math.max(0, Math.ceil((expectedAt - now) / 1000));
}
