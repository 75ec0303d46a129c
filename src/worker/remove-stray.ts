import type { Scope } from '../domain/ami.ts';
import type { CopyJob, Destination, Stray, Warning } from '../domain/job.ts';
import { attemptRef, destinationKey, destinationScope, findDestination } from '../domain/job.ts';
import { addStray, changeStray, unseenAgain } from '../domain/transitions.ts';
import { Ec2Error } from '../ec2/classify.ts';
import { aboutJob, noteInLog } from '../log-context.ts';
import type { StrayPayload } from '../queue/jobs.ts';
import { changeCopy } from './change-job.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import type { CopyInHand } from './read-copy.ts';
import type { RemovalOutcome } from './remove-image.ts';
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
    const why = `EC2 still shows snapshots of ${payload.imageId}, or does not know the image (yet)`;
    return { outcome: 'again', why };
  } catch (error) {
    if (!(error instanceof Ec2Error)) throw error;
    return afterError(deps, found, error);
  }
}

async function read({ store }: WorkerDeps, payload: StrayPayload): Promise<StrayInHand | null> {
  const { jobId, destination: key, imageId } = payload;
  const job = await store.get(jobId);
  const destination = job?.kind === 'copy' ? findDestination(job, key) : undefined;
  const stray = destination?.strays?.find((one) => one.imageId === imageId);
  if (job?.kind !== 'copy' || destination === undefined || stray === undefined) return null;
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

/** What EC2 refuses for long is told to the job's reader, and given up. */
async function afterError(deps: WorkerDeps, found: StrayInHand, error: Ec2Error): Promise<StepOutcome> {
  const { job, destination, stray } = found;
  const limit = error.kind === 'credentials' ? deps.settings.credentialsMs : deps.settings.retryMs;
  const passes = error.kind === 'throttled' || error.kind === 'transient';
  if (passes || deps.store.now() - stray.since < limit) return { outcome: 'again', why: error.message };
  const { imageId } = stray;
  const warning = notRemoved(destinationScope(destination), stray, error);
  deps.logger.error(
    { job: job.id, region: warning.region, imageId, awsCode: error.awsCode },
    warning.message,
  );
  await changeCopy(
    deps,
    job.id,
    changeStray(destinationKey(destination), imageId, () => null, warning),
  );
  return DONE;
}

function notRemoved({ region }: Scope, { imageId, attempt }: Stray, error: Ec2Error): Warning {
  const message = `${imageId} in ${region}, which attempt ${attempt} made, could not be removed: ${error.message} Deregister it and delete its snapshots.`;
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
