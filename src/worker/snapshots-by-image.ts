import type { Image, Snapshot } from '../domain/ami.ts';
import { destinationAmi } from '../domain/ami.ts';
import { ATTEMPT_TAG, JOB_TAG } from '../domain/copy-tags.ts';
import type { PendingCopy } from '../store/polls.ts';

/**
 * Tells which snapshots belong to which copy. Those of `images` name theirs. While an image is pending EC2 may not name its
 * snapshots yet; then the snapshot's description names the image, and where it doesn't, our own tags name the job: within
 * a scope a job has one destination, and its newest attempt is the pending one.
 */
export function snapshotsByImage(
  images: readonly Image[],
  snapshots: readonly Snapshot[],
  pending: readonly PendingCopy[],
): (imageId: string) => Snapshot[] {
  const imageOfSnapshot = new Map<string, string>();
  for (const image of images) {
    for (const { snapshotId } of image.snapshots)
      if (snapshotId !== null) imageOfSnapshot.set(snapshotId, image.imageId);
  }
  const imageOfAttempt = new Map(
    pending.map(({ jobId, attempt, imageId }) => [`${jobId} ${attempt}`, imageId]),
  );

  const groups = Map.groupBy(
    snapshots,
    (snapshot) =>
      imageOfSnapshot.get(snapshot.snapshotId) ??
      destinationAmi(snapshot) ??
      imageOfAttempt.get(`${snapshot.tags[JOB_TAG]} ${snapshot.tags[ATTEMPT_TAG]}`),
  );
  return (imageId) => groups.get(imageId) ?? [];
}
