import type { Scope } from '../domain/ami.ts';
import type { CopyJob, Destination, Leftover, Warning } from '../domain/job.ts';
import { attemptRef, destinationKey, destinationScope, findDestination, leftoversOf } from '../domain/job.ts';
import { addLeftover, changeLeftover } from '../domain/removal-transitions.ts';
import { unseenAgain } from '../domain/transitions.ts';
import { AwsError } from '../aws/aws-error.ts';
import { aboutJob, noteInLog } from '../logging/log-context.ts';
import type { LeftoverPayload } from '../queue/jobs.ts';
import { changeCopy } from './change-job.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import type { CopyInHand } from './read-copy.ts';
import type { RemovalOutcome } from './remove-image.ts';
import { isCredentials, isInTime, isThrottled, mayBeThrottled } from './failure.ts';
import { isGoneForGood, removeImage } from './remove-image.ts';

interface LeftoverInHand extends CopyInHand {
  leftover: Leftover;
}

/**
 * Removes a leftover: CopyImage answered after the attempt was over, or a retry started another attempt. The leftover stays in
 * the record until it is gone, so that neither a crash nor a lost wake-up loses it.
 */
export async function removeLeftover(deps: WorkerDeps, payload: LeftoverPayload): Promise<StepOutcome> {
  const found = await read(deps, payload);
  if (found === null) return DONE;
  try {
    const outcome = await takeAway(deps, found, found.leftover);
    if (outcome === 'removed') return DONE;
    const why = `EC2 still shows snapshots of ${payload.imageId}, or does not know the image (yet).`;
    if (outcome === 'unknown' || isInTime(deps, found.leftover)) return { outcome: 'again', why };
    return await giveUp(deps, found, { message: why });
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    return afterError(deps, found, error);
  }
}

async function read({ store }: WorkerDeps, payload: LeftoverPayload): Promise<LeftoverInHand | null> {
  const { jobId, destination: key, imageId } = payload;
  const job = await store.get(jobId);
  const destination = job?.kind === 'copy' ? findDestination(job, key) : undefined;
  if (job?.kind !== 'copy' || destination === undefined) return null;
  const leftover = leftoversOf(destination).find((one) => one.imageId === imageId);
  if (leftover === undefined) return null;
  // Never the image that the record holds: other steps handle that one.
  if (destination.imageId === imageId) return null;
  noteInLog(aboutJob(job, key));
  return { job, destination, leftover };
}

/**
 * Removes one leftover and records the progress of that.
 * @returns `removed` once it is no longer in the record
 */
export async function takeAway(
  deps: WorkerDeps,
  { job, destination }: CopyInHand,
  leftover: Leftover,
): Promise<RemovalOutcome> {
  const { imageId } = leftover;
  const scope = destinationScope(destination);
  const change = (patch: (one: Leftover, now: number) => Leftover | null) =>
    changeCopy(deps, job.id, changeLeftover(destinationKey(destination), imageId, patch));
  const whenDeregistered = async () => {
    deps.logger.warn(
      { job: job.id, region: scope.region, imageId },
      'removed an image that no attempt holds',
    );
    await change((one) => ({ ...one, isDeregistered: true }));
  };
  const isDeregistered = leftover.isDeregistered === true;
  const outcome = await removeImage(deps, { scope, imageId, isDeregistered, whenDeregistered });
  if (outcome === 'again') return outcome;
  const unseen = unseenAgain(leftover.unseen, deps.store.now());
  if (outcome === 'removed' || isGoneForGood(deps, unseen, leftover.since)) {
    await change(() => null);
    return 'removed';
  }
  await change((one, now) => ({ ...one, unseen: unseenAgain(one.unseen, now) }));
  return outcome;
}

async function afterError(deps: WorkerDeps, found: LeftoverInHand, error: AwsError): Promise<StepOutcome> {
  const { job, destination, leftover } = found;
  const again: StepOutcome = { outcome: 'again', why: error.message };
  if (isThrottled(error) && mayBeThrottled(deps, leftover)) {
    const patch = (one: Leftover, now: number) => ({ ...one, heldUpAt: now });
    await changeCopy(deps, job.id, changeLeftover(destinationKey(destination), leftover.imageId, patch));
    return again;
  }
  const elapsed = deps.store.now() - leftover.since;
  const waits = isCredentials(error) ? elapsed < deps.settings.credentialsMs : isInTime(deps, leftover);
  return waits ? again : giveUp(deps, found, error);
}

/** An error that keeps a leftover from being removed for long becomes a warning of the job. */
async function giveUp(
  deps: WorkerDeps,
  { job, destination, leftover }: LeftoverInHand,
  error: { message: string; awsCode?: string; aws?: AwsError['aws'] },
): Promise<StepOutcome> {
  const { imageId } = leftover;
  const warning = notRemoved(destinationScope(destination), leftover, error);
  const { awsCode, aws } = error;
  deps.logger.error(
    {
      job: job.id,
      account: warning.account,
      region: warning.region,
      imageId,
      awsCode,
      awsRequestId: aws?.awsRequestId,
    },
    warning.message,
  );
  await changeCopy(
    deps,
    job.id,
    changeLeftover(destinationKey(destination), imageId, (one) => ({ ...one, isGivenUp: true }), warning),
  );
  return DONE;
}

function notRemoved(
  { account, region }: Scope,
  { imageId, attempt }: Leftover,
  { message: why, aws }: { message: string; aws?: AwsError['aws'] },
): Warning {
  const request = aws?.awsRequestId ? ` (EC2 request ${aws.awsRequestId})` : '';
  const message = `${imageId} in ${region}, which attempt ${attempt} made, could not be removed: ${why}${request} Deregister it and delete its snapshots.`;
  return { code: 'image-not-removed', message, account, region };
}

/** Adds an image that an attempt made, and that its record does not hold, as a leftover to be removed. */
export async function rememberLeftover(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  imageId: string,
): Promise<void> {
  const leftover = addLeftover({ ...attemptRef(destination), imageId });
  const { outcome } = await changeCopy(deps, job.id, leftover);
  if (outcome !== 'missing') return;
  // The job is past its retention: there is no record to keep the leftover in.
  const scope = destinationScope(destination);
  await removeImage(deps, { scope, imageId, isDeregistered: false, whenDeregistered: async () => {} });
}
