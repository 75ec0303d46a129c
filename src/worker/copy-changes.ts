import type { Image, Snapshot, Tags } from '../domain/ami.ts';
import { snapshotIdsOf } from '../domain/ami.ts';
import { lacksTags, tagsOfCopy, tagsOfImage } from '../domain/copy-tags.ts';
import type { Destination, ImageRef } from '../domain/job.ts';
import { findDestination } from '../domain/job.ts';
import { leastProgress, weightedProgress } from '../domain/progress.ts';
import type { Transition } from '../domain/apply-transition.ts';
import type { Observation } from '../domain/transitions.ts';
import type { SlotLimit } from '../domain/slot-limits.ts';
import { slotLimitIn } from '../domain/slot-limits.ts';
import { becomeAvailable, fail, notFound, observe, outOfRoom, reappeared } from '../domain/transitions.ts';
import type { PendingCopy } from '../store/polls.ts';
import type { WorkerDeps } from './deps.ts';
import { failureBecause } from './failure.ts';

/** A change of a job that results from a poll of its copy. */
export interface CopyChange {
  jobId: string;
  transition: Transition;
  /** EC2 had no room for the copy. */
  noRoom?: SlotLimit;
}

/**
 * One more poll did not find a copy's image. `null` for an image so young that EC2 may not know it yet (eventual consistency).
 * The copy fails only after several such polls, because a single answer may be stale.
 */
export function notSeen(
  { store, settings }: Pick<WorkerDeps, 'store' | 'settings'>,
  copy: PendingCopy,
): CopyChange | null {
  if (store.now() - copy.startedAt < settings.lostCopyMs) return null;
  const message = `EC2 no longer shows ${copy.imageId}: several polls over more than ${Math.floor(settings.goneMs / 60_000)} minutes did not find it. Retry the job to copy again.`;
  const end = fail(refOf(copy), failureBecause('copy-disappeared', message));
  return { jobId: copy.jobId, transition: notFound(refOf(copy), settings, end) };
}

/** A poll found a copy that the last polls did not find, or could not reach. */
export function seenAgain(copy: PendingCopy): CopyChange {
  return { jobId: copy.jobId, transition: reappeared(refOf(copy)) };
}

/** The attempt and image that a poll is about. Its result is not written to another attempt or another image. */
export function refOf({ destination, attempt, imageId }: PendingCopy): ImageRef {
  return { destination, attempt, imageId };
}

function deregistered(copy: PendingCopy): CopyChange {
  const message = `${copy.imageId} was deregistered before the copy was complete. Retry the job to copy again.`;
  const failure = failureBecause('copy-disappeared', message);
  return { jobId: copy.jobId, transition: fail(refOf(copy), failure, 'deregistered') };
}

/** The progress of a copy that is still pending; `null` when nothing has changed. */
export function progressOf(copy: PendingCopy, snapshots: readonly Snapshot[]): CopyChange | null {
  const progress = weightedProgress(snapshots);
  if (progress <= copy.progress) return null;
  const seen = { progress, least: leastProgress(snapshots), ...encryptionOf(snapshots) };
  const transition = withTags(copy.destination, (wanted) =>
    observe(refOf(copy), { ...seen, tagged: taggedOf(snapshots, wanted) }),
  );
  return { jobId: copy.jobId, transition };
}

/** Whether the image alone says all that is missing about a copy that has ended. The reason of a failure is on its snapshots. */
export function saysEnough(copy: PendingCopy, { state, snapshots }: Image): boolean {
  return (state === 'available' || state === 'disabled') && copy.known > 0 && copy.known >= snapshots.length;
}

/** EC2 may have no room for an accepted copy for this many times RETRY_SECONDS: a day by default. */
const NO_ROOM = 96;

/**
 * The end of a copy whose image is no longer pending; `null` while it is pending. `snapshots` add to what the record knows of
 * them. An image state that EC2 adds later counts as `transient`.
 */
export function endOf(
  { settings }: Pick<WorkerDeps, 'settings'>,
  copy: PendingCopy,
  image: Image,
  snapshots: readonly Snapshot[],
): CopyChange | null {
  const { jobId } = copy;
  const roomMs = NO_ROOM * settings.retryMs;
  if (image.state === 'pending' || image.state === 'transient') return null;
  // A disabled image was available before it was disabled.
  if (image.state === 'available' || image.state === 'disabled')
    return { jobId, transition: whenAvailable(refOf(copy), image, snapshots) };
  if (image.state === 'deregistered') return deregistered(copy);
  const reasons = reasonsOf(image, snapshots);
  const failure = failureBecause('copy-failed', failed(image, reasons));
  const noRoom = slotLimitIn(reasons.join('; '));
  if (noRoom === null) return { jobId, transition: fail(refOf(copy), failure, image.state) };
  return { jobId, transition: outOfRoom(refOf(copy), roomMs, failure, image.state), noRoom };
}

function whenAvailable(ref: ImageRef, image: Image, snapshots: readonly Snapshot[]): Transition {
  const seen = encryptionOf(snapshots, image);
  return withTags(ref.destination, (wanted, { tagged }, ofImage) => {
    const fine = new Set([...tagged, ...taggedOf(snapshots, wanted)]);
    const untagged = snapshotIdsOf([image]).filter((id) => !fine.has(id));
    if (lacksTags(ofImage, image)) untagged.push(image.imageId);
    return becomeAvailable(ref, seen, untagged);
  });
}

/** A transition that depends on the tags that a copy's snapshots, and its image, should have. */
function withTags(
  key: string,
  transition: (wanted: Tags, destination: Destination, ofImage: Tags) => Transition,
): Transition {
  return (job, now) => {
    const destination = findDestination(job, key);
    if (destination === undefined) return null;
    const made = transition(tagsOfCopy(job, destination), destination, tagsOfImage(job, destination));
    return made(job, now);
  };
}

function taggedOf(snapshots: readonly Snapshot[], wanted: Tags): string[] {
  return snapshots.filter((one) => !lacksTags(wanted, one)).map(({ snapshotId }) => snapshotId);
}

/** `null`: as far as is known now. */
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

/** EC2 gives one part of the reason on the image, and the more useful part on the snapshot. */
function reasonsOf(image: Image, snapshots: readonly Snapshot[]): string[] {
  const parts = [image.stateReason, ...snapshots.map(({ stateMessage }) => stateMessage)];
  return [...new Set(parts.flatMap((part) => part || []))];
}

function failed(image: Image, told: readonly string[]): string {
  const reason = told.length === 0 ? 'EC2 gives no reason' : told.join(' — ');
  const next =
    'Fix the cause (often the key: does it exist there, is it enabled, may this service use it?), then POST /jobs/{id}/retry.';
  return `${image.imageId} in ${image.region} is ${image.state}: ${reason.replace(/\.?$/, '.')} ${next}`;
}
