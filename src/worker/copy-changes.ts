import type { Image, Snapshot } from '../domain/ami.ts';
import { snapshotIdsOf } from '../domain/ami.ts';
import { lacksTags, tagsOfCopy } from '../domain/copy-tags.ts';
import { findDestination } from '../domain/job.ts';
import { leastProgress, weightedProgress } from '../domain/progress.ts';
import type { Move, Observation } from '../domain/transitions.ts';
import { becomeAvailable, fail, observe } from '../domain/transitions.ts';
import type { PendingCopy } from '../store/store.ts';
import type { WorkerDeps } from './deps.ts';
import { failureBecause } from './failure.ts';

/** What a look at a copy changes in its job. */
export interface CopyChange {
  jobId: string;
  move: Move;
}

/** The end of a copy whose image EC2 doesn't know; `null` for one so young that EC2 may not know it yet (eventual consistency). */
export function goneIfLost(
  { store, settings }: Pick<WorkerDeps, 'store' | 'settings'>,
  copy: PendingCopy,
): CopyChange | null {
  return store.now() - copy.startedAt < settings.lostCopyMs ? null : gone(copy);
}

function gone({ jobId, destination, imageId }: PendingCopy): CopyChange {
  const message = `${imageId} is no longer there: somebody deregistered it before the copy was complete. Retry the job to copy again.`;
  return { jobId, move: fail(destination, failureBecause('copy-disappeared', message), 'deregistered') };
}

/** How far a copy is that is still pending; `null` when nothing is new. */
export function progressOf(copy: PendingCopy, snapshots: readonly Snapshot[]): CopyChange | null {
  const seen = observation(snapshots);
  return seen.progress > copy.progress ? { jobId: copy.jobId, move: observe(copy.destination, seen) } : null;
}

/** The end of a copy whose image is no longer pending. */
export function endOf(copy: PendingCopy, image: Image, snapshots: readonly Snapshot[]): CopyChange {
  const { jobId, destination } = copy;
  // Disabled is available, and then somebody disabled it.
  if (image.state === 'available' || image.state === 'disabled')
    return { jobId, move: whenAvailable(destination, image, snapshots) };
  if (image.state === 'deregistered') return gone(copy);
  const failure = failureBecause('copy-failed', reasonOf(image, snapshots));
  return { jobId, move: fail(destination, failure, image.state) };
}

function whenAvailable(key: string, image: Image, snapshots: readonly Snapshot[]): Move {
  const seen = observation(snapshots, image);
  return (job, now) => {
    const destination = findDestination(job, key);
    if (destination === undefined) return null;
    const wanted = tagsOfCopy(job, destination);
    const tagged = new Set(
      snapshots.filter((one) => !lacksTags(wanted, one)).map(({ snapshotId }) => snapshotId),
    );
    const untagged = snapshotIdsOf([image]).filter((id) => !tagged.has(id));
    if (lacksTags(wanted, image)) untagged.push(image.imageId);
    return becomeAvailable(key, seen, untagged)(job, now);
  };
}

function observation(snapshots: readonly Snapshot[], image?: Image): Observation {
  const ofImage = image?.snapshots ?? [];
  const known = snapshots.length > 0 || ofImage.some(({ snapshotId }) => snapshotId !== null);
  const encrypted = [...ofImage, ...snapshots].some((one) => one.encrypted);
  return {
    progress: weightedProgress(snapshots),
    least: leastProgress(snapshots),
    encrypted: known ? encrypted : null,
    kmsKeyId: snapshots.find(({ kmsKeyId }) => kmsKeyId !== null)?.kmsKeyId ?? null,
  };
}

/** EC2 tells half of the reason on the image and the more useful half on the snapshot. */
function reasonOf(image: Image, snapshots: readonly Snapshot[]): string {
  const parts = [image.stateReason, ...snapshots.map(({ stateMessage }) => stateMessage)];
  const told = [...new Set(parts.filter((part) => part !== null && part !== ''))];
  const reason = told.length === 0 ? 'EC2 gives no reason' : told.join(' — ');
  const next =
    'Mend the cause (often the key: does it exist there, is it enabled, may this service use it?), then POST /jobs/{id}/retry.';
  return `${image.imageId} in ${image.region} is ${image.state}: ${reason.replace(/\.?$/, '.')} ${next}`;
}
