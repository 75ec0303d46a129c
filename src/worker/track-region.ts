import type { Image, Scope, Snapshot } from '../domain/ami.ts';
import { parseScope, scopeKey, snapshotIdsOf } from '../domain/ami.ts';
import { JOB_TAG, lacksTags, tagsOfCopy } from '../domain/copy-tags.ts';
import { findDestination } from '../domain/job.ts';
import { weightedProgress } from '../domain/progress.ts';
import type { Move, Observation } from '../domain/transitions.ts';
import { becomeAvailable, fail, observe } from '../domain/transitions.ts';
import { Ec2Error } from '../ec2/classify.ts';
import type { ScopePayload } from '../queue/jobs.ts';
import type { PendingCopy } from '../store/store.ts';
import { changeCopy } from './change-job.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import { failureBecause, mayPass } from './failure.ts';
import { wakeLine } from './lines.ts';
import { snapshotsByImage } from './snapshots-by-image.ts';

/** Records written at once: enough to keep Redis busy, few enough to leave it free for others. */
const WRITES_AT_ONCE = 25;

/** At most one look in so many milliseconds at what EC2's events tell of, however many there are. */
const NOTICED_EVERY = 1000;

/** Milliseconds after which all is looked at where EC2 told of a copy's end and does not show it yet, or did not answer. */
const NOT_YET = 2000;

/**
 * Looks at all pending copies of one scope: images and snapshots in as few calls as EC2's pages allow, then one write
 * for each copy that changed. Then it wakes as many of those in line as there are free slots. With `noticed` it looks
 * just at the copies that EC2's own events told of.
 */
export async function trackRegion(deps: WorkerDeps, payload: ScopePayload): Promise<StepOutcome> {
  const scope = parseScope(payload.scope);
  try {
    return await (payload.noticed === true ? trackNoticed(deps, scope) : trackAll(deps, scope));
  } catch (error) {
    if (mayPass(error)) return { outcome: 'again', why: error.message };
    throw error;
  }
}

async function trackAll(deps: WorkerDeps, scope: Scope): Promise<StepOutcome> {
  const pending = await deps.store.pending(scope);
  if (pending.length > 0) await lookAt(deps, scope, pending);
  await wakeLine(deps, scope);
  if (pending.length === 0) await deps.store.dropIdleScope(scope);
  return DONE;
}

async function trackNoticed(deps: WorkerDeps, scope: Scope): Promise<StepOutcome> {
  if (!(await deps.store.takeTurn(`noticed/${scopeKey(scope)}`, NOTICED_EVERY)))
    return { outcome: 'again', why: 'EC2 told of other copies there just now', delayMs: NOTICED_EVERY };
  const noticed = await deps.store.takeNoticed(scope);
  // A worker took them and died: which ones they were nobody knows any more.
  if (noticed === null) await deps.store.lookBy(scope, deps.store.now());
  else if (noticed.length > 0) await lookAtNoticed(deps, scope, noticed);
  return DONE;
}

async function lookAtNoticed(deps: WorkerDeps, scope: Scope, noticed: PendingCopy[]): Promise<void> {
  try {
    await lookAt(deps, scope, noticed);
  } finally {
    const imageIds = noticed.map(({ imageId }) => imageId);
    if ((await deps.store.stillPending(scope, imageIds)).length > 0)
      await deps.store.lookBy(scope, deps.store.now() + NOT_YET);
  }
  await wakeLine(deps, scope);
}

async function lookAt(deps: WorkerDeps, scope: Scope, pending: PendingCopy[]): Promise<void> {
  const images = await deps.gateway.findImages(scope, { imageIds: pending.map(({ imageId }) => imageId) });
  const jobIds = [...new Set(pending.map(({ jobId }) => jobId))];
  const snapshots = await snapshotsIfKnown(deps, scope, jobIds);
  const imageById = new Map(images.map((image) => [image.imageId, image]));
  const snapshotsFor = snapshotsByImage(images, snapshots, pending);
  const changes = pending.flatMap((copy) => {
    const change = changeFor(deps, copy, imageById.get(copy.imageId), snapshotsFor(copy.imageId));
    return change === null ? [] : [{ jobId: copy.jobId, change }];
  });
  for (let i = 0; i < changes.length; i += WRITES_AT_ONCE) {
    const batch = changes.slice(i, i + WRITES_AT_ONCE);
    await Promise.all(batch.map(({ jobId, change }) => changeCopy(deps, jobId, change)));
  }
}

/** Snapshots tell the progress; without them the images still tell when a copy is done. */
async function snapshotsIfKnown(deps: WorkerDeps, scope: Scope, jobIds: string[]): Promise<Snapshot[]> {
  try {
    return await deps.gateway.findSnapshots(scope, JOB_TAG, jobIds);
  } catch (error) {
    if (!(error instanceof Ec2Error)) throw error;
    deps.logger.warn(
      { error: error.message, region: scope.region },
      'no progress is known of the copies there',
    );
    return [];
  }
}

/** What one look at a copy changes in its job; `null` when nothing is new. */
function changeFor(
  deps: WorkerDeps,
  copy: PendingCopy,
  image: Image | undefined,
  snapshots: Snapshot[],
): Move | null {
  const { destination: key, imageId, startedAt } = copy;
  if (image === undefined || image.state === 'deregistered') {
    // A new id may be NotFound for minutes (eventual consistency).
    if (image === undefined && deps.store.now() - startedAt < deps.settings.lostCopyMs) return null;
    const message = `${imageId} is no longer there: somebody deregistered it before the copy was complete. Retry the job to copy again.`;
    return fail(key, failureBecause('copy-disappeared', message), 'deregistered');
  }
  const seen = observation(image, snapshots);
  // Disabled is available, and then somebody disabled it.
  if (image.state === 'available' || image.state === 'disabled')
    return whenAvailable(key, image, seen, snapshots);
  if (image.state === 'failed' || image.state === 'error' || image.state === 'invalid') {
    return fail(key, failureBecause('copy-failed', reasonOf(image, snapshots)), image.state);
  }
  return seen.progress > copy.progress ? observe(key, seen) : null;
}

function whenAvailable(key: string, image: Image, seen: Observation, snapshots: Snapshot[]): Move {
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

function observation(image: Image, snapshots: Snapshot[]): Observation {
  const known = snapshots.length > 0 || image.snapshots.some(({ snapshotId }) => snapshotId !== null);
  const encrypted = [...image.snapshots, ...snapshots].some((one) => one.encrypted);
  return {
    image,
    progress: weightedProgress(snapshots),
    encrypted: known ? encrypted : null,
    kmsKeyId: snapshots.find(({ kmsKeyId }) => kmsKeyId !== null)?.kmsKeyId ?? null,
  };
}

/** EC2 tells half of the reason on the image and the more useful half on the snapshot. */
function reasonOf(image: Image, snapshots: Snapshot[]): string {
  const parts = [image.stateReason, ...snapshots.map(({ stateMessage }) => stateMessage)];
  const told = [...new Set(parts.filter((part) => part !== null && part !== ''))];
  const reason = told.length === 0 ? 'EC2 gives no reason' : told.join(' — ');
  const next =
    'Mend the cause (often the key: does it exist there, is it enabled, may this service use it?), then POST /jobs/{id}/retry.';
  return `${image.imageId} in ${image.region} is ${image.state}: ${reason.replace(/\.?$/, '.')} ${next}`;
}
