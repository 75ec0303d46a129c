import type { Image, Snapshot } from '../domain/ami.ts';
import { destinationAmi } from '../domain/ami.ts';
import { ATTEMPT_TAG, JOB_TAG } from '../domain/copy-tags.ts';
import type { PendingCopy } from '../store/polls.ts';

/**
 * Assigns snapshots to copies. The `images` name their own. EC2 may not name the snapshots of a pending image yet: then the
 * snapshot's description names the image. Where it does not, our own tags name the job: a job has one destination in a scope,
 * and its newest attempt is the pending one.
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
