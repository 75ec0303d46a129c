import type { CopyJob, Destination } from '../domain/job.ts';
import { destinationKey, destinationScope } from '../domain/job.ts';
import { accept, fail, park } from '../domain/transitions.ts';
import { Ec2Error } from '../ec2/classify.ts';
import { changeCopy } from './change-job.ts';
import { copyParams } from './copy-params.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import { failureBecause, failureOf } from './failure.ts';
import { imagesMadeBy } from './made-by.ts';
import { readCopy } from './read-copy.ts';
import { removeSnapshots } from './remove-made.ts';

interface CallOptions {
  /** The intent was saved just now, and a call taken with it: nobody has called yet. */
  fresh?: boolean;
  /** Hears that EC2 has answered, and tells when what came of it may be written. */
  answered?: () => Promise<void>;
}

/**
 * Calls CopyImage for a destination whose intent is saved, and saves what came of it. Safe to run twice at any point,
 * since the ClientToken follows from the record: the second run gets the first one's image.
 */
export async function callCopyImage(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  { fresh = false, answered = async () => {} }: CallOptions = {},
): Promise<StepOutcome> {
  const age = deps.store.now() - (destination.startedAt ?? 0);
  // How long EC2 remembers a token is documented nowhere: after a while the tag is asked first.
  if (age > deps.settings.tokenTrustMs && (await adopt(deps, job, destination)) !== 'none') return DONE;
  try {
    const params = copyParams(job, destination);
    const [call] = await Promise.allSettled([
      deps.gateway.copyImage(destinationScope(destination), params, fresh),
    ]);
    await answered();
    if (call.status === 'rejected') throw call.reason;
    const imageId = call.value;
    const accepted = await changeCopy(deps, job.id, accept(destinationKey(destination), imageId));
    if (accepted.outcome === 'unchanged') await removeUnwanted(deps, job, destination, imageId);
    return DONE;
  } catch (error) {
    if (!(error instanceof Ec2Error)) throw error;
    return afterError(deps, job, destination, error, fresh && error.tries === 1);
  }
}

/** The answer came when the copy had been cancelled and was thought gone: then nobody else will remove its image. */
async function removeUnwanted(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  imageId: string,
): Promise<void> {
  const now = await readCopy(deps, { jobId: job.id, destination: destinationKey(destination) });
  if (now === null || now.destination.state !== 'cancelled' || now.destination.imageId === imageId) return;
  const scope = destinationScope(destination);
  deps.logger.warn(
    { job: job.id, region: scope.region, imageId },
    'removes an image that came after its copy was cancelled',
  );
  await deps.gateway.deregisterImage(scope, imageId);
  await removeSnapshots(deps.gateway, scope, job, []);
}

/** @param only it was the first and only call: EC2 has made nothing */
async function afterError(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  error: Ec2Error,
  only: boolean,
): Promise<StepOutcome> {
  const key = destinationKey(destination);
  if (error.kind === 'throttled') {
    if (!only) return { outcome: 'again', why: error.message };
    await changeCopy(deps, job.id, park(key));
    return DONE;
  }
  if (error.kind === 'slots') {
    if (!only && (await adopt(deps, job, destination)) !== 'none') return DONE;
    await deps.store.markFull(destinationScope(destination), deps.settings.slotRetryMs);
    await changeCopy(deps, job.id, park(key));
    return DONE;
  }
  const elapsed = deps.store.now() - (destination.startedAt ?? 0);
  if (error.kind === 'transient' && elapsed < deps.settings.retryMs)
    return { outcome: 'again', why: error.message };
  // An earlier call may have been answered and the answer lost: look for its image before giving up.
  const adopted = await adopt(deps, job, destination).catch(() => 'none' as const);
  if (adopted === 'none') {
    const failure = failureOf(error, error.kind === 'missing' ? 'source-gone' : error.code);
    await changeCopy(deps, job.id, fail(key, failure));
  }
  return DONE;
}

/** Looks for the image of this attempt by its tag: takes the one there is, and fails loudly on several. */
async function adopt(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
): Promise<'adopted' | 'ambiguous' | 'none'> {
  const key = destinationKey(destination);
  const { region } = destinationScope(destination);
  const made = await imagesMadeBy(deps.gateway, destinationScope(destination), job, destination.attempts);
  const [image, another] = made;
  if (image === undefined) return 'none';
  if (another === undefined) {
    deps.logger.info(
      { job: job.id, region, imageId: image.imageId },
      'took up an image that was made earlier',
    );
    await changeCopy(deps, job.id, accept(key, image.imageId));
    return 'adopted';
  }
  const ids = made.map(({ imageId }) => imageId).join(', ');
  const message = `${ids} in ${region} all carry the tags of this copy. Retry the job: that removes them all and copies again; to keep one, take its tag amiferry:job off first`;
  deps.logger.error({ job: job.id, region, images: ids }, 'several images for one copy');
  await changeCopy(deps, job.id, fail(key, failureBecause('copy-ambiguous', message)));
  return 'ambiguous';
}
