import { snapshotIdsOf } from '../domain/ami.ts';
import type { CopyJob, Destination } from '../domain/job.ts';
import { destinationKey, destinationScope } from '../domain/job.ts';
import { accept, deregistered, removalRefused, stopped } from '../domain/transitions.ts';
import { Ec2Error } from '../ec2/classify.ts';
import type { DestinationPayload } from '../queue/jobs.ts';
import { changeCopy } from './change-job.ts';
import { copyParams } from './copy-params.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import { revokeAll } from '../permissions/key-access.ts';
import { failureOf } from './failure.ts';
import { imagesMadeBy } from './made-by.ts';
import { readCopy } from './read-copy.ts';
import { removeSnapshots } from './remove-made.ts';

const AGAIN: StepOutcome = {
  outcome: 'again',
  why: 'EC2 still shows what was removed, or not yet what was made',
};

/**
 * Takes a stopping destination down: deregisters its image (which cancels a pending copy) and deletes its snapshots.
 * It calls it stopped only when a last look finds nothing, so a crash anywhere just means doing it again.
 */
export async function removeCopy(deps: WorkerDeps, ref: DestinationPayload): Promise<StepOutcome> {
  const copy = await readCopy(deps, ref);
  if (copy === null) return DONE;
  const { job, destination } = copy;
  if (destination.stopping === null) return DONE;
  try {
    const removed = await remove(deps, job, destination);
    if (!removed) return AGAIN;
  } catch (error) {
    if (!(error instanceof Ec2Error)) throw error;
    return afterError(deps, job, destination, error);
  }
  await changeCopy(deps, job.id, stopped(ref.destination));
  return DONE;
}

/** What may pass is tried for ever: what was made is there until it is removed. What EC2 refuses is told in the end. */
async function afterError(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  error: Ec2Error,
): Promise<StepOutcome> {
  const elapsed = deps.store.now() - job.updatedAt;
  if (passes(error) || elapsed < deps.settings.retryMs) return { outcome: 'again', why: error.message };
  const { region } = destinationScope(destination);
  const message = `${destination.imageId ?? 'the copy'} in ${region} is to be removed, and EC2 refuses it: ${error.message} Clear the way (deregistration protection? IAM?), then deregister it and delete its snapshots; they carry the tag amiferry:job=${job.id}.`;
  const failure = { ...failureOf(error, 'removal-refused'), message };
  await changeCopy(deps, job.id, removalRefused(destinationKey(destination), failure));
  return DONE;
}

/** Grants on the copy's key would outlive the copy. Where KMS refuses, a warning in the log has to do. */
async function revokeGrants(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  imageId: string,
): Promise<void> {
  if (!job.permissions?.grantKeyAccess || destination.kmsKeyId === null) return;
  const keys = [{ keyId: destination.kmsKeyId }];
  const warnings = await revokeAll(deps, destinationScope(destination), imageId, keys);
  for (const { message } of warnings) deps.logger.warn({ job: job.id, imageId }, message);
}

async function remove(deps: WorkerDeps, job: CopyJob, destination: Destination): Promise<boolean> {
  const { gateway } = deps;
  const scope = destinationScope(destination);
  const imageId = destination.imageId ?? (await settleIntent(deps, job, destination));
  const made = await imagesMadeBy(gateway, scope, job);
  const all = new Set([...(imageId === null ? [] : [imageId]), ...made.map((image) => image.imageId)]);
  let gone = destination.imageState === 'deregistered' || imageId === null;
  for (const id of all) {
    await revokeGrants(deps, job, destination, id);
    const outcome = await gateway.deregisterImage(scope, id);
    if (id !== imageId || outcome !== 'removed') continue;
    await changeCopy(deps, job.id, deregistered(destinationKey(destination)));
    gone = true;
  }
  const clean = await removeSnapshots(gateway, scope, job, snapshotIdsOf(made));
  // NotFound may also mean "not yet": an image that is minutes old may still turn up.
  const settled = deps.store.now() - (destination.startedAt ?? 0) > deps.settings.lostCopyMs;
  return clean && (gone || settled);
}

/**
 * The intent was saved and the answer wasn't: CopyImage may have been called, or may yet be by a worker that was
 * paused. Calling it with the same token settles that: it gives the image's id, or makes it, and any later call with
 * the token gets the same, which is then gone.
 * A full region is no refusal: the first call may have got in before it was full.
 * @returns the image's id; `null` where EC2 refuses the call, and so made nothing
 */
async function settleIntent(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
): Promise<string | null> {
  try {
    const imageId = await deps.gateway.copyImage(destinationScope(destination), copyParams(job, destination));
    await changeCopy(deps, job.id, accept(destinationKey(destination), imageId));
    return imageId;
  } catch (error) {
    if (error instanceof Ec2Error && !passes(error)) return null;
    throw error;
  }
}

function passes({ kind }: Ec2Error): boolean {
  return kind === 'throttled' || kind === 'transient' || kind === 'slots';
}
