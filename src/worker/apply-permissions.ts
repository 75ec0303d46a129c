import type { Image, Scope } from '../domain/ami.ts';
import type { Failure, PermissionsJob } from '../domain/job.ts';
import { imageScope } from '../domain/job.ts';
import {
  aboutToGive,
  beginChange,
  changeFailed,
  changeImageSeen,
  changeImageUnseen,
  changeStopped,
  changeSucceeded,
  changeTried,
  changeUnreachable,
} from '../domain/permission-transitions.ts';
import type { PermissionState } from '../domain/permissions.ts';
import { onlyWithdraws } from '../domain/permissions.ts';
import type { AwsError } from '../aws/aws-error.ts';
import { AmiferryError } from '../errors.ts';
import { aboutJob, noteInLog } from '../logging/log-context.ts';
import type { Permissions } from '../sharing/read.ts';
import { readPermissions } from '../sharing/read.ts';
import type { JobPayload } from '../queue/jobs.ts';
import { changeJob } from './change-job.ts';
import { isFirstInQueue } from '../sharing/fence.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import type { Wait } from './failure.ts';
import {
  failureBecause,
  failureOf,
  isCredentials,
  isHeldUp,
  isInTime,
  isThrottled,
  mayBeThrottled,
  mayTryAgain,
} from './failure.ts';
import { share } from '../sharing/apply.ts';
import { takeBack } from '../sharing/take-back.ts';
import type { ShareRequest } from '../sharing/request.ts';
import { supersedeEarlier } from '../sharing/supersede.ts';

/**
 * Makes one change of an image's permissions. Changes of one image are made one after the other, in the order in which they
 * were accepted. A change that is not the first in the wait queue does nothing, and is woken when it is the first.
 */
export async function applyPermissions(deps: WorkerDeps, { jobId }: JobPayload): Promise<StepOutcome> {
  const job = await deps.store.get(jobId);
  if (job?.kind !== 'permissions' || job.finishedAt !== null) return DONE;
  noteInLog(aboutJob(job));
  const scope = imageScope(job);
  const me = { jobId, destination: null };
  return (await isFirstInQueue(deps, scope, job.image.id, me)) ? change(deps, scope, job) : DONE;
}

async function change(deps: WorkerDeps, scope: Scope, job: PermissionsJob): Promise<StepOutcome> {
  let request: ShareRequest | null = null;
  try {
    const image = await deps.gateway.describeImage(scope, job.image.id);
    if (image === null) return await pollAgain(deps, job);
    if (job.unseen) await changeJob(deps, job.id, changeImageSeen);
    if (onlyWithdraws(job.change)) await stopEarlier(deps, scope, job);
    const begun = await begin(deps, scope, job, image);
    if (begun === null) return DONE;
    request = requestOf(begun.job, image, begun.before);
    if (begun.job.stopping) return await stop(deps, scope, begun.job, request);
    return await applyChange(deps, scope, begun, request);
  } catch (error) {
    return afterError(deps, scope, job, request, error);
  }
}

function stopEarlier(deps: WorkerDeps, scope: Scope, job: PermissionsJob): Promise<void> {
  return supersedeEarlier(deps, scope, job, (jobId, transition) => changeJob(deps, jobId, transition));
}

/** One stale answer does not end the change: otherwise what it gave so far would stay. */
async function pollAgain(deps: WorkerDeps, job: PermissionsJob): Promise<StepOutcome> {
  const result = await changeJob(deps, job.id, changeImageUnseen(deps.settings.goneMs, imageGone(job)));
  const isOver = result.outcome !== 'changed' || result.job.finishedAt !== null;
  return isOver ? DONE : { outcome: 'again', why: `EC2 does not show ${job.image.id} (any more, or yet)` };
}

function requestOf(job: PermissionsJob, image: Image, before: PermissionState): ShareRequest {
  const me = { jobId: job.id, destination: null };
  const { change: asked, mayPublish } = job;
  return { job, me, image, change: asked, before, mayPublish, remember: aboutToGive };
}

interface Begun {
  job: PermissionsJob;
  before: PermissionState;
  /** The permissions that this step has just read; `null` where an earlier step read them. */
  read: Permissions | null;
}

/**
 * The state before the first change: saved by an earlier run, or read now. `null` when the change has ended, or another change
 * is first in the wait queue.
 */
async function begin(
  deps: WorkerDeps,
  scope: Scope,
  job: PermissionsJob,
  image: Image,
): Promise<Begun | null> {
  if (job.before !== null) return { job, before: job.before, read: null };
  const read = await readPermissions(deps, scope, image);
  const me = { jobId: job.id, destination: null };
  const begun = await deps.store.updateIfFirst(me, scope, job.image.id, beginChange(read.state));
  if (begun.outcome !== 'changed' || begun.job.kind !== 'permissions') return null;
  return { job: begun.job, before: read.state, read };
}

/** The change was cancelled, or superseded by a withdrawal: it takes back what it gave, and then ends. */
async function stop(
  deps: WorkerDeps,
  scope: Scope,
  job: PermissionsJob,
  request: ShareRequest,
): Promise<StepOutcome> {
  const after = await takeBack(deps, scope, request);
  if (after === null && isInTime(deps, waitOf(deps, job)))
    return { outcome: 'again', why: 'it could not be taken back yet' };
  if (after === null) return fail(deps, job, failureBecause('ec2-error', notTakenBack(job)), null);
  await changeJob(deps, job.id, changeStopped(after));
  return DONE;
}

function notTakenBack({ image }: PermissionsJob): string {
  return `What this change gave could not be taken back: read GET /amis/${image.id}/permissions?region=${image.region}, and DELETE them.`;
}

async function applyChange(
  deps: WorkerDeps,
  scope: Scope,
  { job, read }: Begun,
  request: ShareRequest,
): Promise<StepOutcome> {
  const result = await share(deps, scope, request, read);
  if (result.outcome === 'unsettled') {
    const why = 'EC2 does not show the change yet, or another tool changes the image at the same time';
    if (isInTime(deps, waitOf(deps, job))) return { outcome: 'again', why };
    return await undo(deps, scope, job, request, failureBecause('ec2-error', why));
  }
  if (result.outcome === 'shared') {
    await changeJob(deps, job.id, changeSucceeded(result.after, result.warnings));
    return DONE;
  }
  const [reason] = result.reasons;
  const message = result.reasons.map((one) => one.message).join('; ');
  return fail(deps, job, failureBecause(reason?.code ?? 'internal-error', message), result.after);
}

async function afterError(
  deps: WorkerDeps,
  scope: Scope,
  job: PermissionsJob,
  request: ShareRequest | null,
  error: unknown,
): Promise<StepOutcome> {
  if (!(error instanceof AmiferryError)) throw error;
  if (isCredentials(error)) return waitForAccount(deps, job, error);
  if (mayTryAgain(deps, waitOf(deps, job), error)) {
    await changeJob(deps, job.id, changeTried(isHeldUp(job, error)));
    return { outcome: 'again', why: error.message };
  }
  return request === null
    ? fail(deps, job, failureOf(error), null)
    : undo(deps, scope, job, request, failureOf(error));
}

/** Deadlines count from when its first try began, or met an error. Before that the change only waits. */
function waitOf({ store }: WorkerDeps, { startedAt, unreachableSince, heldUpAt }: PermissionsJob): Wait {
  const now = store.now();
  return { since: startedAt ?? now, heldUpAt: unreachableSince ? now : heldUpAt };
}

/**
 * As for copies (unreachable.ts): refused credentials say nothing about the image. The step waits, and after
 * CREDENTIALS_SECONDS the change fails without taking anything back, which would need credentials.
 */
async function waitForAccount(deps: WorkerDeps, job: PermissionsJob, error: AwsError): Promise<StepOutcome> {
  const { store, settings, logger } = deps;
  const since = job.unreachableSince ?? store.now();
  if (store.now() - since >= settings.credentialsMs) {
    const minutes = Math.round(settings.credentialsMs / 60_000);
    const message = `for ${minutes} minutes the account has not taken this service's credentials: ${error.message} POST …/retry makes the change once they work. What the change already gave stays until then: see GET /amis/${job.image.id}/permissions?region=${job.image.region}.`;
    return fail(deps, job, { ...failureOf(error, 'account-not-reachable'), message }, null);
  }
  const minutes = Math.round(settings.credentialsMs / 60_000);
  const message = `${error.message} The change waits, for up to ${minutes} minutes, and continues by itself.`;
  const waiting = { ...failureOf(error, 'account-not-reachable'), message };
  await changeJob(deps, job.id, changeUnreachable(waiting));
  logger.warn(
    { job: job.id, region: job.image.region, awsCode: error.awsCode },
    'the account does not take the credentials; the step waits',
  );
  return { outcome: 'again', why: error.message };
}

/** Takes back what the change gave, before it fails. */
async function undo(
  deps: WorkerDeps,
  scope: Scope,
  job: PermissionsJob,
  request: ShareRequest,
  failure: Failure,
): Promise<StepOutcome> {
  try {
    const after = await takeBack(deps, scope, request);
    return await fail(
      deps,
      job,
      after === null ? { ...failure, message: withLeft(job, failure) } : failure,
      after,
    );
  } catch (error) {
    if (!isThrottled(error)) throw error;
    if (mayBeThrottled(deps, waitOf(deps, job))) return { outcome: 'again', why: error.message };
    return fail(deps, job, { ...failure, message: withLeft(job, failure) }, null);
  }
}

function withLeft(job: PermissionsJob, { message }: Failure): string {
  return `${message} ${notTakenBack(job)}`;
}

async function fail(
  deps: WorkerDeps,
  job: PermissionsJob,
  failure: Failure,
  after: PermissionState | null,
): Promise<StepOutcome> {
  await changeJob(deps, job.id, changeFailed(failure, after));
  return DONE;
}

function imageGone({ image }: PermissionsJob): Failure {
  return failureBecause('image-not-found', `${image.id} is no longer there in ${image.region}`);
}
