import type { Scope } from '../domain/ami.ts';
import type { CopyJob, Destination, Stray, Warning } from '../domain/job.ts';
import { attemptRef, destinationKey, destinationScope, findDestination, straysOf } from '../domain/job.ts';
import { addStray, changeStray, unseenAgain } from '../domain/transitions.ts';
import { Ec2Error } from '../ec2/classify.ts';
import { aboutJob, noteInLog } from '../log-context.ts';
import type { StrayPayload } from '../queue/jobs.ts';
import { changeCopy } from './change-job.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import type { CopyInHand } from './read-copy.ts';
import type { RemovalOutcome } from './remove-image.ts';
import { isCredentials, isInTime, isThrottled, mayBeThrottled } from './failure.ts';
import { isGoneForGood, removeImage } from './remove-image.ts';

interface StrayInHand extends CopyInHand {
  stray: Stray;
}

/**
 * Removes an image that an attempt made and that no record holds any more: its answer came after the attempt was over, or
 * a retry started another attempt. It stays in the record until it is gone, so that no crash and no lost wake-up forgets it.
 */
export async function removeStray(deps: WorkerDeps, payload: StrayPayload): Promise<StepOutcome> {
  const found = await read(deps, payload);
  if (found === null) return DONE;
  try {
    const outcome = await takeAway(deps, found, found.stray);
    if (outcome === 'removed') return DONE;
    const why = `EC2 still shows snapshots of ${payload.imageId}, or does not know the image (yet).`;
    if (outcome === 'unknown' || isInTime(deps, found.stray)) return { outcome: 'again', why };
    return await giveUp(deps, found, { message: why });
  } catch (error) {
    if (!(error instanceof Ec2Error)) throw error;
    return afterError(deps, found, error);
  }
}

async function read({ store }: WorkerDeps, payload: StrayPayload): Promise<StrayInHand | null> {
  const { jobId, destination: key, imageId } = payload;
  const job = await store.get(jobId);
  const destination = job?.kind === 'copy' ? findDestination(job, key) : undefined;
  if (job?.kind !== 'copy' || destination === undefined) return null;
  const stray = straysOf(destination).find((one) => one.imageId === imageId);
  if (stray === undefined) return null;
  // Never what the record holds: that has its own steps.
  if (destination.imageId === imageId) return null;
  noteInLog(aboutJob(job, key));
  return { job, destination, stray };
}

/**
 * Takes one stray away and keeps in the record how far that is.
 * @returns `removed` once it is off the record
 */
export async function takeAway(
  deps: WorkerDeps,
  { job, destination }: CopyInHand,
  stray: Stray,
): Promise<RemovalOutcome> {
  const { imageId } = stray;
  const scope = destinationScope(destination);
  const change = (patch: (one: Stray, now: number) => Stray | null) =>
    changeCopy(deps, job.id, changeStray(destinationKey(destination), imageId, patch));
  const whenDeregistered = async () => {
    deps.logger.warn(
      { job: job.id, region: scope.region, imageId },
      'removed an image that no attempt holds',
    );
    await change((one) => ({ ...one, isDeregistered: true }));
  };
  const isDeregistered = stray.isDeregistered === true;
  const outcome = await removeImage(deps, { scope, imageId, isDeregistered, whenDeregistered });
  if (outcome === 'again') return outcome;
  const unseen = unseenAgain(stray.unseen, deps.store.now());
  if (outcome === 'removed' || isGoneForGood(deps, unseen, stray.since)) {
    await change(() => null);
    return 'removed';
  }
  await change((one, now) => ({ ...one, unseen: unseenAgain(one.unseen, now) }));
  return outcome;
}

async function afterError(deps: WorkerDeps, found: StrayInHand, error: Ec2Error): Promise<StepOutcome> {
  const { job, destination, stray } = found;
  const again: StepOutcome = { outcome: 'again', why: error.message };
  if (isThrottled(error) && mayBeThrottled(deps, stray)) {
    const patch = (one: Stray, now: number) => ({ ...one, heldUpAt: now });
    await changeCopy(deps, job.id, changeStray(destinationKey(destination), stray.imageId, patch));
    return again;
  }
  const elapsed = deps.store.now() - stray.since;
  const waits = isCredentials(error) ? elapsed < deps.settings.credentialsMs : isInTime(deps, stray);
  return waits ? again : giveUp(deps, found, error);
}

/** What keeps it from being removed for long is told to the job's reader. */
async function giveUp(
  deps: WorkerDeps,
  { job, destination, stray }: StrayInHand,
  error: { message: string; awsCode?: string; aws?: Ec2Error['aws'] },
): Promise<StepOutcome> {
  const { imageId } = stray;
  const warning = notRemoved(destinationScope(destination), stray, error);
  const { awsCode, aws } = error;
  deps.logger.error(
    { job: job.id, region: warning.region, imageId, awsCode, awsRequestId: aws?.awsRequestId },
    warning.message,
  );
  await changeCopy(
    deps,
    job.id,
    changeStray(destinationKey(destination), imageId, (one) => ({ ...one, isGivenUp: true }), warning),
  );
  return DONE;
}

function notRemoved(
  { region }: Scope,
  { imageId, attempt }: Stray,
  { message: why, aws }: { message: string; aws?: Ec2Error['aws'] },
): Warning {
  const request = aws?.awsRequestId ? ` (EC2 request ${aws.awsRequestId})` : '';
  const message = `${imageId} in ${region}, which attempt ${attempt} made, could not be removed: ${why}${request} Deregister it and delete its snapshots.`;
  return { code: 'image-not-removed', message, region };
}

/** Has an image removed that an attempt made and that its record does not hold. */
export async function rememberStray(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  imageId: string,
): Promise<void> {
  const stray = addStray({ ...attemptRef(destination), imageId });
  const { outcome } = await changeCopy(deps, job.id, stray);
  if (outcome !== 'missing') return;
  // The job is past its retention: there is no record to keep it in.
  const scope = destinationScope(destination);
  await removeImage(deps, { scope, imageId, isDeregistered: false, whenDeregistered: async () => {} });
}
