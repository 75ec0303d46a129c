import { SELF } from '../domain/ami.ts';
import { tagsOfCopy } from '../domain/copy-tags.ts';
import type { CopyJob, Destination, Warning } from '../domain/job.ts';
import { destinationKey, destinationScope } from '../domain/job.ts';
import { nextStep } from '../domain/next-step.ts';
import { targetOf } from '../domain/permissions.ts';
import { PRIVATE } from '../domain/policy.ts';
import { fail, succeed } from '../domain/transitions.ts';
import { Ec2Error } from '../ec2/classify.ts';
import { AmiferryError } from '../errors.ts';
import type { DestinationPayload } from '../queue/jobs.ts';
import { changeCopy } from './change-job.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import { failureOf, mayPass } from './failure.ts';
import { readCopy } from './read-copy.ts';
import { putBack, share } from './share.ts';
import type { ShareOutcome, ShareRequest } from './share-request.ts';

/**
 * Finishes an available copy: tags what came without its tags, shares it if that was asked for, then calls it
 * succeeded. Converges when run twice. A copy that can't be shared is kept, private.
 */
export async function finishCopy(deps: WorkerDeps, ref: DestinationPayload): Promise<StepOutcome> {
  const copy = await readCopy(deps, ref);
  if (copy === null) return DONE;
  const { job, destination } = copy;
  if (nextStep(destination) !== 'finish-copy') return DONE;
  try {
    await addTags(deps, job, destination);
    const warnings = await sharePermissions(deps, job, destination);
    await changeCopy(deps, job.id, succeed(ref.destination, warnings));
    return DONE;
  } catch (error) {
    if (!(error instanceof AmiferryError)) throw error;
    return afterError(deps, job, destination, error);
  }
}

async function addTags(deps: WorkerDeps, job: CopyJob, destination: Destination): Promise<void> {
  if (destination.untagged.length === 0) return;
  await deps.gateway.createTags(
    destinationScope(destination),
    destination.untagged,
    tagsOfCopy(job, destination),
  );
}

/** @throws {AmiferryError} why the copy isn't shared; it is private then */
async function sharePermissions(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
): Promise<Warning[]> {
  if (job.permissions === null || destination.imageId === null) return [];
  const scope = destinationScope(destination);
  const image = await deps.gateway.describeImage(scope, destination.imageId);
  if (image === null) throw new AmiferryError('image-not-found', `${destination.imageId} is no longer there`);
  // What an earlier run has shared already counts as given now: it is checked, and if need be put back, as a whole.
  const target = targetOf({ mode: 'set', set: job.permissions }, PRIVATE);
  const { grantKeyAccess } = job.permissions;
  const request = { job, image, before: PRIVATE, target, grantKeyAccess };
  const result = await shareOrPutBack(deps, request, inTime(deps, job, destination));
  if (result.outcome === 'shared') return result.warnings;
  if (result.outcome === 'unsettled') throw unsettled(scope.region);
  const [reason] = result.reasons;
  throw new AmiferryError(
    reason?.code ?? 'internal-error',
    result.reasons.map(({ message }) => message).join('; '),
  );
}

/**
 * What EC2 breaks off in the middle, and what is tried in vain for too long, is put back: better private than half
 * shared. @param goingOn whether an error that may pass is tried again
 */
async function shareOrPutBack(
  deps: WorkerDeps,
  request: ShareRequest,
  goingOn: boolean,
): Promise<ShareOutcome> {
  const scope = { account: SELF, region: request.image.region };
  try {
    const result = await share(deps, scope, request);
    if (result.outcome === 'unsettled' && !goingOn) await putBack(deps, scope, request);
    return result;
  } catch (error) {
    if (!mayPass(error) || !goingOn) await putBack(deps, scope, request);
    throw error;
  }
}

/** Whether what may pass is worth trying on: counted from when the copy was there, or a retry took it up again. */
function inTime({ store, settings }: WorkerDeps, job: CopyJob, { availableAt }: Destination): boolean {
  return store.now() - Math.max(availableAt ?? 0, job.updatedAt) < settings.retryMs;
}

function unsettled(region: string): Ec2Error {
  const message = `the permissions of the copy in ${region} are set, and EC2 does not show them yet`;
  return new Ec2Error('transient', message, 'NotSettled', null, undefined);
}

async function afterError(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  error: AmiferryError,
): Promise<StepOutcome> {
  const throttled = error instanceof Ec2Error && error.kind === 'throttled';
  if (throttled || (mayPass(error) && inTime(deps, job, destination))) {
    return { outcome: 'again', why: error.message };
  }
  const failure = failureOf(error);
  const message = `${destination.imageId} is available and kept, but could not be finished: ${failure.message}`;
  await changeCopy(deps, job.id, fail(destinationKey(destination), { ...failure, message }));
  return DONE;
}
