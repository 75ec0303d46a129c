import type { Image, Scope } from '../domain/ami.ts';
import type { Failure, PermissionsJob } from '../domain/job.ts';
import { imageScope } from '../domain/job.ts';
import { beginChange, changeFailed, changeSucceeded } from '../domain/permission-moves.ts';
import type { PermissionChange, PermissionState } from '../domain/permissions.ts';
import { targetOf } from '../domain/permissions.ts';
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
import { putBack, share } from './share.ts';
import type { ShareRequest } from './share-request.ts';

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
    const before = await begin(deps, scope, job, image);
    if (before === null) return DONE;
    const target = targetOf(job.change, before);
    request = { job, image, before, target, grantKeyAccess: wantsKeys(job.change) };
    return await applyChange(deps, scope, job, request);
  } catch (error) {
    return afterError(deps, scope, job, request, error);
  }
}

/** How it was before the first change: as saved by an earlier run, else as read now. `null` when it is cancelled, or not its turn. */
async function begin(
  deps: WorkerDeps,
  scope: Scope,
  job: PermissionsJob,
  image: Image,
): Promise<PermissionState | null> {
  if (job.before !== null) return job.before;
  const { state } = await readPermissions(deps, scope, image);
  const me = { jobId: job.id, destination: null };
  const begun = await deps.store.updateInLine(me, scope, job.image.id, beginChange(state));
  return begun.outcome === 'changed' ? state : null;
}

function wantsKeys(change: PermissionChange): boolean {
  return change.mode === 'set' ? change.set.grantKeyAccess : change.add.grantKeyAccess;
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
    return fail(deps, job, failureBecause('ec2-error', why), result.after);
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
    const after = request === null ? null : await putBack(deps, scope, request);
    return await fail(deps, job, failureOf(error), after);
  } catch (again) {
    if (again instanceof Ec2Error) return { outcome: 'again', why: again.message };
    throw again;
  }
}

/** Whether a change that doesn't get through is to be tried on: counted from when it began, or was retried. */
function inTime({ store, settings }: WorkerDeps, { updatedAt }: PermissionsJob): boolean {
  return store.now() - updatedAt < settings.retryMs;
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
