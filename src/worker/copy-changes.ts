import type { Image, Snapshot, Tags } from '../domain/ami.ts';
import { snapshotIdsOf } from '../domain/ami.ts';
import { lacksTags, tagsOfCopy } from '../domain/copy-tags.ts';
import type { Destination } from '../domain/job.ts';
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
  const progress = weightedProgress(snapshots);
  if (progress <= copy.progress) return null;
  const seen = { progress, least: leastProgress(snapshots), ...encryptionOf(snapshots) };
  const move = withTags(copy.destination, (wanted) =>
    observe(copy.destination, { ...seen, tagged: taggedOf(snapshots, wanted) }),
  );
  return { jobId: copy.jobId, move };
}

/** Whether its image alone tells all that is not known yet of a copy that has ended. Why one failed only its snapshots tell. */
export function saysEnough(copy: PendingCopy, { state, snapshots }: Image): boolean {
  return (state === 'available' || state === 'disabled') && copy.known > 0 && copy.known >= snapshots.length;
}

/** The end of a copy whose image is no longer pending. `snapshots` add to what its record knows of them. */
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
  const seen = encryptionOf(snapshots, image);
  return withTags(key, (wanted, { tagged = [] }) => {
    const fine = new Set([...tagged, ...taggedOf(snapshots, wanted)]);
    const untagged = snapshotIdsOf([image]).filter((id) => !fine.has(id));
    if (lacksTags(wanted, image)) untagged.push(image.imageId);
    return becomeAvailable(key, seen, untagged);
  });
}

/** A move by the tags that a copy is to have. */
function withTags(key: string, move: (wanted: Tags, destination: Destination) => Move): Move {
  return (job, now) => {
    const destination = findDestination(job, key);
    return destination === undefined ? null : move(tagsOfCopy(job, destination), destination)(job, now);
  };
}

function taggedOf(snapshots: readonly Snapshot[], wanted: Tags): string[] {
  return snapshots.filter((one) => !lacksTags(wanted, one)).map(({ snapshotId }) => snapshotId);
}

/** `null`: as far as is known by now. */
function encryptionOf(
  snapshots: readonly Snapshot[],
  image?: Image,
): Pick<Observation, 'encrypted' | 'kmsKeyId'> {
  const ofImage = image?.snapshots ?? [];
  const known = snapshots.length > 0 || ofImage.some(({ snapshotId }) => snapshotId !== null);
  const encrypted = [...ofImage, ...snapshots].some((one) => one.encrypted);
  return {
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
