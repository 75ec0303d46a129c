import type { CopyJob, Destination, Failure } from '../domain/job.ts';
import { permissionsFor } from '../domain/hubs.ts';
import { copyRef, destinationScope, findDestination } from '../domain/job.ts';
import type { Transition } from '../domain/apply-transition.ts';
import { deregistered, removalRefused, stopped } from '../domain/removal-transitions.ts';
import { heldUp, notFound } from '../domain/transitions.ts';
import { AwsError } from '../aws/aws-error.ts';
import type { DestinationPayload } from '../queue/jobs.ts';
import { changeCopy } from './change-job.ts';
import { copyParams } from './copy-params.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import { revokeAll } from '../sharing/key-grants.ts';
import type { Wait } from './failure.ts';
import {
  failureBecause,
  failureOf,
  isHeldUp,
  isInTime,
  isThrottled,
  mayBeThrottled,
  mayPass,
} from './failure.ts';
import { findCopies } from './find-copies.ts';
import { readCopy } from './read-copy.ts';
import { removeImage } from './remove-image.ts';
import { rememberLeftover } from './remove-leftover.ts';
import { takeImage } from './take-image.ts';
import { waitForAccount } from './unreachable.ts';

/**
 * Takes a stopping destination down: deregisters its image (which cancels a pending copy) and deletes its snapshots. It only
 * removes what its own attempt made. It marks the destination as stopped only when a last poll finds nothing, so a crash at any
 * point only means that the step runs again.
 */
export async function removeCopy(deps: WorkerDeps, ref: DestinationPayload): Promise<StepOutcome> {
  const copy = await readCopy(deps, ref);
  if (copy === null) return DONE;
  const { job, destination } = copy;
  if (destination.stopping === null) return DONE;
  try {
    if (destination.imageId !== null) return await remove(deps, job, destination, destination.imageId);
    const imageId = await settleIntent(deps, job, destination);
    return imageId === null ? await nothingFound(deps, job, destination) : AGAIN_AT_ONCE;
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    return afterError(deps, job, destination, error);
  }
}

/** The record now has its image: the step starts over with it. */
const AGAIN_AT_ONCE: StepOutcome = { outcome: 'again', why: 'its image is known now', delayMs: 1 };

/** A removal that fails is retried until its deadline. Then the job reports that the image still exists. */
async function afterError(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  error: AwsError,
): Promise<StepOutcome> {
  const ref = copyRef(destination);
  if (error.kind === 'credentials') return waitForAccount(deps, job.id, ref, error);
  const wait = waitOf(deps, destination);
  if (isThrottled(error) ? mayBeThrottled(deps, wait) : isInTime(deps, wait)) {
    if (isHeldUp(destination, error)) await changeCopy(deps, job.id, heldUp(ref));
    return { outcome: 'again', why: error.message };
  }
  const why = mayPass(error) ? 'it could not be removed' : 'EC2 refuses it';
  return giveUp(deps, job, destination, failureOf(error, 'removal-refused'), why);
}

function waitOf({ store }: WorkerDeps, destination: Destination): Wait {
  const { stoppingAt, startedAt, unreachableSince, heldUpAt } = destination;
  return { since: stoppingAt ?? startedAt ?? 0, heldUpAt: unreachableSince ? store.now() : heldUpAt };
}

/** Ends a removal after its deadline. The failure names what is left behind. */
async function giveUp(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  failure: Failure,
  why: string,
): Promise<StepOutcome> {
  const { region } = destinationScope(destination);
  const message = `${destination.imageId ?? 'the copy'} in ${region} is to be removed, and ${why}: ${failure.message} Remove the cause (another image made of its snapshots? deregistration protection? IAM?), then deregister it and delete its snapshots; they carry the tag amiferry:job=${job.id}.`;
  const { awsCode, awsRequestId } = failure;
  deps.logger.error({ job: job.id, region, imageId: destination.imageId, awsCode, awsRequestId }, message);
  await changeCopy(deps, job.id, removalRefused(copyRef(destination), { ...failure, message }));
  return DONE;
}

/** Revokes the grants on the copy's key, which would otherwise outlive the copy. Where KMS refuses, a warning is logged. */
async function revokeGrants(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  imageId: string,
): Promise<void> {
  if (!permissionsFor(job, destination)?.grantKeyAccess || destination.kmsKeyId === null) return;
  const keys = [{ keyId: destination.kmsKeyId }];
  const warnings = await revokeAll(deps, destinationScope(destination), imageId, keys);
  for (const { message } of warnings) deps.logger.warn({ job: job.id, imageId }, message);
}

async function remove(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  imageId: string,
): Promise<StepOutcome> {
  const ref = copyRef(destination);
  await rememberOthers(deps, job, destination, imageId);
  await revokeGrants(deps, job, destination, imageId);
  const outcome = await removeImage(deps, {
    scope: destinationScope(destination),
    imageId,
    isDeregistered: destination.imageState === 'deregistered',
    whenDeregistered: async () => void (await changeCopy(deps, job.id, deregistered(ref))),
  });
  if (outcome === 'again') {
    const message = `EC2 still shows snapshots of ${imageId} that it has deleted.`;
    if (isInTime(deps, waitOf(deps, destination))) return { outcome: 'again', why: message };
    const failure = failureBecause('removal-refused', message);
    return giveUp(deps, job, destination, failure, 'it could not be removed');
  }
  if (outcome === 'unknown') return pollAgain(deps, job, destination, `EC2 does not know ${imageId}, (yet)`);
  await changeCopy(deps, job.id, stopped(ref));
  return DONE;
}

/** If EC2 had forgotten the token, a second image of this attempt may exist. */
async function rememberOthers(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  imageId: string,
): Promise<void> {
  for (const made of await lookFor(deps, job, destination))
    if (made !== imageId) await rememberLeftover(deps, job, destination, made);
}

/** No image is found. One answer may be stale, and a call may still be on its way, so several polls decide. */
async function pollAgain(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  why: string,
): Promise<StepOutcome> {
  const ref = copyRef(destination);
  const transition: Transition = notFound(ref, deps.settings, stopped(ref));
  const result = await changeCopy(deps, job.id, transition);
  const now = result.outcome === 'changed' && result.job.kind === 'copy' ? result.job : null;
  const one = now === null ? undefined : findDestination(now, ref.destination);
  return one?.stopping == null ? DONE : { outcome: 'again', why };
}

function nothingFound(deps: WorkerDeps, job: CopyJob, destination: Destination): Promise<StepOutcome> {
  return pollAgain(deps, job, destination, 'whether CopyImage made an image is not certain yet');
}

/**
 * The intent was saved and no answer was: CopyImage may have been called, or a paused worker may still call it. A call with the
 * same token decides. It returns the id of the existing image or makes one, and any later call with the token gets that image,
 * which is then removed. A refusal proves nothing, since an earlier call may have been accepted: then the image is looked for
 * by its tags.
 * @returns the image's id; `null` where no image is visible now
 * @throws {AwsError} EC2 could not be asked
 */
async function settleIntent(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
): Promise<string | null> {
  const age = deps.store.now() - (destination.startedAt ?? 0);
  const known = age > deps.settings.tokenTrustMs ? await lookFor(deps, job, destination) : [];
  const [imageId = await callAgain(deps, job, destination)] = known;
  const [found = imageId] = imageId === null ? await lookFor(deps, job, destination) : [];
  if (found !== null) await takeImage(deps, job, destination, found);
  return found;
}

async function callAgain(deps: WorkerDeps, job: CopyJob, destination: Destination): Promise<string | null> {
  try {
    return await deps.gateway.copyImage(destinationScope(destination), copyParams(job, destination));
  } catch (error) {
    if (error instanceof AwsError && REFUSED.has(error.kind)) return null;
    throw error;
  }
}

/** A full region also proves nothing: the first call may have been accepted before the region was full. */
const REFUSED: ReadonlySet<AwsError['kind']> = new Set(['slots', 'missing', 'denied', 'refused']);

async function lookFor({ gateway }: WorkerDeps, job: CopyJob, destination: Destination): Promise<string[]> {
  const isOwn = (attempt: number) => attempt === destination.attempts;
  const made = await findCopies(gateway, job, destination, isOwn);
  return made.map(({ imageId }) => imageId);
}
