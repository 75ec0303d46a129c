import type { Image, Scope, Snapshot } from '../domain/ami.ts';
import { JOB_TAG } from '../domain/copy-tags.ts';
import type { SlotLimit } from '../domain/slot-limits.ts';
import { chunksOf } from '../domain/chunks.ts';
import { AwsError } from '../aws/aws-error.ts';
import type { PendingCopy } from '../store/polls.ts';
import { changeCopy } from './change-job.ts';
import type { CopyChange } from './copy-changes.ts';
import { endOf, notSeen, progressOf, saysEnough, seenAgain } from './copy-changes.ts';
import type { WorkerDeps } from './deps.ts';
import { snapshotsByImage } from './snapshots-by-image.ts';

/** How many copies one DescribeSnapshots call covers: EC2's limit of values in a filter. */
export const COPIES_A_CALL = 200;

/** How many records are written at once: enough to keep Redis busy, few enough to leave it time for others. */
export const WRITES_AT_ONCE = 25;

/**
 * Polls which copies of one scope have ended, with `withProgress` also the progress of the others, and writes each change. For
 * copies that have ended, snapshots are described only where they have needed details. EC2's answers about a thousand copies
 * are large, so snapshots are read and written in batches of one call each.
 */
export async function pollCopies(
  deps: WorkerDeps,
  scope: Scope,
  copies: readonly PendingCopy[],
  withProgress: boolean,
): Promise<void> {
  const { ended, unknown } = await deps.gateway.findEnded(
    scope,
    copies.map(({ imageId }) => imageId),
  );
  const images = new Map(ended.map((image) => [image.imageId, image]));
  const missing = new Set(unknown);
  const clear: CopyChange[] = [];
  const asked: PendingCopy[] = [];
  for (const copy of copies) {
    const image = images.get(copy.imageId);
    if (image !== undefined && saysEnough(copy, image))
      clear.push(...[endOf(deps, copy, image, [])].filter((end) => end !== null));
    else if (image !== undefined || (withProgress && !missing.has(copy.imageId))) asked.push(copy);
  }
  await write(deps, scope, [...notFound(deps, copies, missing), ...clear]);
  const silent: PendingCopy[] = [];
  for (const some of chunksOf(asked, COPIES_A_CALL))
    silent.push(...(await pollSnapshots(deps, scope, some, images)));
  const doubtful = copies.filter(
    (one) => one.doubtful === true && !missing.has(one.imageId) && !images.has(one.imageId),
  );
  await pollWhetherThere(deps, scope, [...new Set([...silent, ...doubtful])]);
}

/** Writes what the snapshots of some copies show. Returns the copies for which no snapshot shows that EC2 still works on them. */
async function pollSnapshots(
  deps: WorkerDeps,
  scope: Scope,
  copies: readonly PendingCopy[],
  images: ReadonlyMap<string, Image>,
): Promise<PendingCopy[]> {
  const snapshots = await snapshotsIfKnown(
    deps,
    scope,
    copies.map(({ jobId }) => jobId),
  );
  const ended = copies.flatMap(({ imageId }) => images.get(imageId) ?? []);
  const snapshotsFor = snapshotsByImage(ended, snapshots ?? [], copies);
  const changes = copies.flatMap((copy) => {
    const image = images.get(copy.imageId);
    const own = snapshotsFor(copy.imageId);
    return (image === undefined ? progressOf(copy, own) : endOf(deps, copy, image, own)) ?? [];
  });
  await write(deps, scope, changes);
  if (snapshots === null) return [];
  const isSilent = ({ imageId }: PendingCopy) =>
    snapshotsFor(imageId).every(({ state }) => state !== 'pending');
  return copies.filter((copy) => !images.has(copy.imageId) && isSilent(copy));
}

/** The snapshots, for the progress. Without them (`null`) the images still show when a copy is done. */
async function snapshotsIfKnown(
  deps: WorkerDeps,
  scope: Scope,
  jobIds: readonly string[],
): Promise<Snapshot[] | null> {
  try {
    return await deps.gateway.findSnapshots(scope, JOB_TAG, [...new Set(jobIds)]);
  } catch (error) {
    if (!(error instanceof AwsError) || error.kind === 'credentials') throw error;
    deps.logger.warn(
      { error: error.message, region: scope.region },
      'the progress of the copies in this region could not be read',
    );
    return null;
  }
}

/**
 * Polls whether images exist at all. EC2 omits a deregistered image from its answers before it says that the image does not
 * exist: in between it looks like a pending one. An image that earlier polls did not find is described by itself, since only an
 * answer that contains it proves that it exists.
 */
async function pollWhetherThere(
  deps: WorkerDeps,
  scope: Scope,
  copies: readonly PendingCopy[],
): Promise<void> {
  const old = copies.filter((copy) => copy.doubtful === true || notSeen(deps, copy) !== null);
  const images = await deps.gateway.findImages(scope, { imageIds: old.map(({ imageId }) => imageId) });
  const there = new Set(images.map(({ imageId }) => imageId));
  const missing = new Set(old.map(({ imageId }) => imageId).filter((id) => !there.has(id)));
  const back = old.filter(({ doubtful, imageId }) => doubtful === true && !missing.has(imageId));
  await write(deps, scope, [...notFound(deps, old, missing), ...back.map(seenAgain)]);
}

function notFound(
  deps: WorkerDeps,
  copies: readonly PendingCopy[],
  missing: ReadonlySet<string>,
): CopyChange[] {
  return copies.flatMap((copy) => (missing.has(copy.imageId) ? (notSeen(deps, copy) ?? []) : []));
}

async function write(deps: WorkerDeps, scope: Scope, changes: readonly CopyChange[]): Promise<void> {
  for (const batch of chunksOf(changes, WRITES_AT_ONCE))
    await Promise.all(
      batch.map(async ({ jobId, transition, noRoom }) => {
        const { outcome } = await changeCopy(deps, jobId, transition);
        if (outcome === 'changed' && noRoom !== undefined) await waitForRoom(deps, scope, jobId, noRoom);
      }),
    );
}

/**
 * EC2 gave up a copy for lack of room: no more copies than the remaining ones start there for a while, or none, or no
 * time-based ones.
 */
async function waitForRoom(
  { store, settings, logger }: WorkerDeps,
  scope: Scope,
  jobId: string,
  { of, copies }: SlotLimit,
): Promise<void> {
  if (of === 'copies') await store.copySlots.learnLimit(scope, copies);
  await store.copySlots.markFull(scope, settings.slotRetryMs, of === 'copies' ? 'all' : 'time-based');
  logger.warn(
    { job: jobId, region: scope.region, limit: copies },
    'EC2 had no room for a copy that it had accepted: the copy waits for a slot again',
  );
}
