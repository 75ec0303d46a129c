import type { Image, Scope } from '../domain/ami.ts';
import type { Failure, PermissionsJob } from '../domain/job.ts';
import { imageScope } from '../domain/job.ts';
import {
  aboutToGive,
  beginChange,
  changeFailed,
  changeStopped,
  changeSucceeded,
} from '../domain/permission-moves.ts';
import type { PermissionState } from '../domain/permissions.ts';
import { onlyWithdraws } from '../domain/permissions.ts';
import { Ec2Error } from '../ec2/classify.ts';
import { AmiferryError } from '../errors.ts';
import { aboutJob, noteInLog } from '../log-context.ts';
import { readPermissions } from '../permissions/read.ts';
import type { JobPayload } from '../queue/jobs.ts';
import { changeJob } from './change-job.ts';
import { isFirstInLine } from './first-in-line.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import { failureBecause, failureOf, mayPass } from './failure.ts';
import { share, takeBack } from './share.ts';
import type { ShareRequest } from './share-request.ts';
import { supersedeEarlier } from './supersede.ts';

/**
 * Makes one change of an image's permissions. Changes of one image are made one after the other, in the order in which
 * they were accepted: one that isn't first in line wakes the one that is.
 */
export async function applyPermissions(deps: WorkerDeps, { jobId }: JobPayload): Promise<StepOutcome> {
  const job = await deps.store.get(jobId);
  if (job?.kind !== 'permissions' || job.finishedAt !== null) return DONE;
  noteInLog(aboutJob(job));
  const scope = imageScope(job);
  const me = { jobId, destination: null };
  if (!(await isFirstInLine(deps, scope, job.image.id, me))) return DONE;
  const outcome = await change(deps, scope, job);
  await isFirstInLine(deps, scope, job.image.id, me);
  return outcome;
}

async function change(deps: WorkerDeps, scope: Scope, job: PermissionsJob): Promise<StepOutcome> {
  let request: ShareRequest | null = null;
  try {
    const image = await deps.gateway.describeImage(scope, job.image.id);
    if (image === null) return await fail(deps, job, imageGone(job), null);
    if (onlyWithdraws(job.change)) await supersedeEarlier(deps, scope, job);
    const begun = await begin(deps, scope, job, image);
    if (begun === null) return DONE;
    request = requestOf(begun.job, image, begun.before);
    if (begun.job.stopping) return await stop(deps, scope, begun.job, request);
    return await applyChange(deps, scope, begun.job, request);
  } catch (error) {
    return afterError(deps, scope, job, request, error);
  }
}

function requestOf(job: PermissionsJob, image: Image, before: PermissionState): ShareRequest {
  const me = { jobId: job.id, destination: null };
  const { change: asked, mayPublish = false } = job;
  return { job, me, image, change: asked, before, mayPublish, remember: aboutToGive };
}

/** How it was before the first change: as saved by an earlier run, else as read now. `null` when it has ended, or not its turn. */
async function begin(
  deps: WorkerDeps,
  scope: Scope,
  job: PermissionsJob,
  image: Image,
): Promise<{ job: PermissionsJob; before: PermissionState } | null> {
  if (job.before !== null) return { job, before: job.before };
  const { state } = await readPermissions(deps, scope, image);
  const me = { jobId: job.id, destination: null };
  const begun = await deps.store.updateInLine(me, scope, job.image.id, beginChange(state));
  if (begun.outcome !== 'changed' || begun.job.kind !== 'permissions') return null;
  return { job: begun.job, before: state };
}

/** Cancelled, or overtaken by a withdrawal: what it gave is taken back, and then it ends. */
async function stop(
  deps: WorkerDeps,
  scope: Scope,
  job: PermissionsJob,
  request: ShareRequest,
): Promise<StepOutcome> {
  const after = await takeBack(deps, scope, request);
  if (after === null && inTime(deps, job)) return { outcome: 'again', why: 'it could not be taken back yet' };
  if (after === null) return fail(deps, job, notTakenBack(job), null);
  await changeJob(deps, job.id, changeStopped(after));
  return DONE;
}

function notTakenBack({ image }: PermissionsJob): Failure {
  const message = `what this change gave could not be taken back: look at GET /amis/${image.id}/permissions?region=${image.region}, and DELETE them`;
  return failureBecause('ec2-error', message);
}

async function applyChange(
  deps: WorkerDeps,
  scope: Scope,
  job: PermissionsJob,
  request: ShareRequest,
): Promise<StepOutcome> {
  const result = await share(deps, scope, request);
  if (result.outcome === 'unsettled') {
    const why = 'EC2 does not show the change yet, or somebody else changes the image at the same time';
    if (inTime(deps, job)) return { outcome: 'again', why };
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
  const throttled = error instanceof Ec2Error && error.kind === 'throttled';
  if (throttled || (mayPass(error) && inTime(deps, job))) return { outcome: 'again', why: error.message };
  try {
    if (request === null) return await fail(deps, job, failureOf(error), null);
    return await undo(deps, scope, job, request, failureOf(error));
  } catch (again) {
    if (again instanceof Ec2Error) return { outcome: 'again', why: again.message };
    throw again;
  }
}

/** What the change gave is taken back before it fails. */
async function undo(
  deps: WorkerDeps,
  scope: Scope,
  job: PermissionsJob,
  request: ShareRequest,
  failure: Failure,
): Promise<StepOutcome> {
  const after = await takeBack(deps, scope, request);
  return fail(deps, job, failure, after);
}

/** Whether a change that doesn't get through is to be tried on: counted from when it began, or was retried. */
function inTime({ store, settings }: WorkerDeps, { startedAt, updatedAt }: PermissionsJob): boolean {
  return store.now() - (startedAt ?? updatedAt) < settings.retryMs;
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
