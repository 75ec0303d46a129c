import { withGroups } from '../accounts/accounts.ts';
import { accountsBesides } from '../domain/ami.ts';
import type { CopyJob, Destination, Failure } from '../domain/job.ts';
import {
  attemptRef,
  destinationKey,
  destinationScope,
  findDestination,
  isNotCopying,
  isTimeBased,
} from '../domain/job.ts';
import type { Transition } from '../domain/apply-transition.ts';
import { againstCopying } from '../domain/policy.ts';
import { callAgain, fail, notFound, park, unlessCalledAgain } from '../domain/transitions.ts';
import { holdAgain } from '../domain/hold-transitions.ts';
import { AwsError } from '../aws/aws-error.ts';
import type { UpdateOutcome } from '../store/store.ts';
import { changeCopy } from './change-job.ts';
import { copyParams } from './copy-params.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import { failureBecause, failureOf, isCredentials, mayPass } from './failure.ts';
import { findCopies } from './find-copies.ts';
import { takeImage } from './take-image.ts';
import { waitForAccount } from './unreachable.ts';

interface CallOptions {
  /** The intent was saved just now, together with the call that it takes: no call was made before. */
  fresh?: boolean;
  /** Is called when EC2 has answered. The result is written when the returned promise resolves. */
  answered?: () => Promise<void>;
}

/**
 * Calls CopyImage for a destination whose intent is saved, and saves the result. It is idempotent at every point, since the
 * ClientToken follows from the record: a second run gets the image of the first.
 */
export async function callCopyImage(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  { fresh = false, answered = async () => {} }: CallOptions = {},
): Promise<StepOutcome> {
  try {
    if (!fresh && !(await mayCallAgain(deps, job, destination))) return DONE;
    if (isOld(deps, destination, fresh) && (await adopt(deps, job, destination)) !== 'none') return DONE;
    if (fresh && (await outsidePolicy(deps, job, destination))) return DONE;
    const params = copyParams(job, destination);
    const [call] = await Promise.allSettled([
      deps.gateway.copyImage(destinationScope(destination), params, fresh),
    ]);
    await answered();
    if (call.status === 'rejected') throw call.reason;
    await takeImage(deps, job, destination, call.value);
    return DONE;
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    // A transient error says nothing about the call's effect. A throttled call had none.
    const only = fresh && error.tries === 1 && error.kind !== 'transient' && !destination.calledAgain;
    return afterError(deps, job, destination, error, only);
  }
}

/**
 * Saves that this call is not the first one, unless the record says so already. Returns whether the attempt still waits for its
 * image.
 */
async function mayCallAgain(deps: WorkerDeps, job: CopyJob, destination: Destination): Promise<boolean> {
  if (destination.calledAgain) return true;
  const { outcome } = await changeCopy(deps, job.id, callAgain(attemptRef(destination)));
  return outcome === 'changed';
}

/**
 * Fails a destination in another account that the policy no longer allows to the principal of the job. It is checked before the
 * first call only: after that call there may be an image. Returns whether it failed.
 */
async function outsidePolicy(deps: WorkerDeps, job: CopyJob, destination: Destination): Promise<boolean> {
  const failure = await policyRefusal(deps, job, destination);
  if (failure === null) return false;
  const ref = attemptRef(destination);
  const { outcome } = await changeCopy(deps, job.id, unlessCalledAgain(ref, fail(ref, failure)));
  return outcome === 'changed';
}

/** Why the policy does not allow a copy into, or from, another account to the principal of its job; `null` where it does. */
export async function policyRefusal(
  deps: WorkerDeps,
  job: CopyJob,
  { spec }: Pick<Destination, 'spec'>,
): Promise<Failure | null> {
  const others = accountsBesides(await deps.ownAccount.get(), [job.image, spec]);
  if (others.length === 0) return null;
  const otherAccounts = withGroups(deps.accounts, others);
  const plan = { sourceRegion: job.image.region, otherAccounts, destinations: [spec] };
  const reasons = againstCopying(deps.policy.current(), job.requestedBy, plan);
  return reasons.length === 0 ? null : failureBecause('outside-policy', reasons.join('; '));
}

/**
 * EC2 does not document how long it remembers a token. After a while the image is therefore looked for by its tag first. For a
 * destination that waited, CopyImage may have been called long before.
 */
function isOld({ store, settings }: WorkerDeps, one: Destination, fresh: boolean): boolean {
  return (fresh && one.calledAgain) || store.now() - (one.startedAt ?? 0) > settings.tokenTrustMs;
}

/** @param only it was the first and only call: EC2 has made nothing */
async function afterError(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  error: AwsError,
  only: boolean,
): Promise<StepOutcome> {
  const ref = attemptRef(destination);
  if (isCredentials(error)) return waitForAccount(deps, job.id, ref, error);
  if (error.kind === 'throttled') {
    if (!only) return { outcome: 'again', why: error.message };
    return asOnlyCall(deps, job, destination, error, park(ref));
  }
  const elapsed = deps.store.now() - (destination.startedAt ?? 0);
  const inTime = elapsed < deps.settings.retryMs;
  if (error.kind === 'transient' && inTime) return { outcome: 'again', why: error.message };
  if (lacksAccess(error) && isHeld(job, destination) && inTime) {
    await changeCopy(deps, job.id, holdAgain(destination));
    return { outcome: 'again', why: error.message };
  }
  return only ? refused(deps, job, destination, error) : settle(deps, job, destination, error);
}

/** EC2's answers to an account that may not see an image, or not its snapshots or key. Access that was just given may look the same. */
function lacksAccess({ awsCode, message }: AwsError): boolean {
  return awsCode === 'InvalidAMIID.NotFound' || /access the storage of this ami/i.test(message);
}

function isHeld({ holds = [] }: CopyJob, { spec }: Destination): boolean {
  return holds.some(({ account }) => account === spec.account);
}

/** This call made nothing in EC2. The destination fails, unless another worker has called CopyImage meanwhile: then that call decides. */
async function asOnlyCall(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  error: AwsError,
  transition: Transition,
): Promise<StepOutcome> {
  const { outcome } = await changeCopy(deps, job.id, unlessCalledAgain(attemptRef(destination), transition));
  return outcome === 'unchanged' ? { outcome: 'again', why: error.message } : DONE;
}

/** EC2 has made nothing: the destination waits. */
async function refused(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  error: AwsError,
): Promise<StepOutcome> {
  const ref = attemptRef(destination);
  if (error.kind !== 'slots') return asOnlyCall(deps, job, destination, error, fail(ref, refusal(error)));
  await markFull(deps, destination);
  return asOnlyCall(deps, job, destination, error, park(ref));
}

async function markFull({ store, settings }: WorkerDeps, destination: Destination): Promise<void> {
  // For a time-based copy EC2 may lack throughput. That says nothing about other copies.
  const which = isTimeBased(destination) ? 'time-based' : 'all';
  await store.copySlots.markFull(destinationScope(destination), settings.slotRetryMs, which);
}

/**
 * This call was refused, and the result of an earlier call is not known: the image is looked for by its tags. There are three
 * results. EC2 could not be asked: the step waits. EC2 refuses the query: the attempt fails. There is no image: the attempt
 * fails after several such polls.
 */
async function settle(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  error: AwsError,
): Promise<StepOutcome> {
  const ref = attemptRef(destination);
  const made = await lookFor(deps, job, destination);
  if (made === 'adopted' || made === 'ambiguous') return DONE;
  if (made instanceof AwsError && isCredentials(made)) return waitForAccount(deps, job.id, ref, made);
  if (made instanceof AwsError && mayPass(made)) return { outcome: 'again', why: made.message };
  if (error.kind === 'slots') return standInLine(deps, job, destination);
  const failure = refusal(
    error,
    made === 'none' ? '' : ` Whether an earlier call made an image could not be looked up: ${made.message}`,
  );
  const result = await changeCopy(deps, job.id, notFound(ref, deps.settings, fail(ref, failure)));
  return isStillBeginning(result, destination) ? { outcome: 'again', why: error.message } : DONE;
}

/**
 * The region is full, and an earlier call may have made an image that EC2 does not show yet. When the destination is started
 * again, that image is looked for first.
 */
async function standInLine(deps: WorkerDeps, job: CopyJob, destination: Destination): Promise<StepOutcome> {
  await markFull(deps, destination);
  const ref = attemptRef(destination);
  await changeCopy(deps, job.id, (record, now) => {
    const again = callAgain(ref)(record, now);
    return again === null ? null : park(ref)(again, now);
  });
  return DONE;
}

function isStillBeginning(result: UpdateOutcome, before: Destination): boolean {
  const job = result.outcome === 'changed' && result.job.kind === 'copy' ? result.job : null;
  const now = job === null ? undefined : findDestination(job, destinationKey(before));
  return now?.attempts === before.attempts && isNotCopying(now);
}

function refusal(error: AwsError, more = ''): Failure {
  const failure = failureOf(error, error.kind === 'missing' ? 'source-gone' : error.code);
  return { ...failure, message: `${failure.message}${more}` };
}

/** {@link adopt}, with an error of EC2 as a result: EC2 refused the query, or could not be asked. */
function lookFor(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
): Promise<'adopted' | 'ambiguous' | 'none' | AwsError> {
  return adopt(deps, job, destination).catch((error: unknown) => {
    if (error instanceof AwsError) return error;
    throw error;
  });
}

/** Looks for the image of this attempt by its tag. One image is adopted; several are an error. */
async function adopt(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
): Promise<'adopted' | 'ambiguous' | 'none'> {
  const { region } = destinationScope(destination);
  const isOwn = (attempt: number) => attempt === destination.attempts;
  const made = await findCopies(deps.gateway, job, destination, isOwn);
  const [image, another] = made;
  if (image === undefined) return 'none';
  if (another === undefined) {
    deps.logger.info(
      { job: job.id, region, imageId: image.imageId },
      'took up an image that was made earlier',
    );
    await takeImage(deps, job, destination, image.imageId);
    return 'adopted';
  }
  const ids = made.map(({ imageId }) => imageId).join(', ');
  const message = `${ids} in ${region} all carry the tags of this copy. Retry the job: that removes them all and copies again; to keep one, remove its tag amiferry:job first`;
  deps.logger.error({ job: job.id, region, images: ids }, 'several images for one copy');
  await changeCopy(deps, job.id, fail(attemptRef(destination), failureBecause('copy-ambiguous', message)));
  return 'ambiguous';
}
