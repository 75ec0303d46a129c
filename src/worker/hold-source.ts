import type { Image } from '../domain/ami.ts';
import {
  dueHolds,
  holdsGiven,
  holdsRefused,
  holdsReleased,
  holdsTried,
  needsHold,
  refsInNeed,
  stillShared,
  triedSince,
} from '../domain/holds.ts';
import type { CopyJob } from '../domain/job.ts';
import { imageScope } from '../domain/job.ts';
import { AmiferryError } from '../errors.ts';
import { aboutJob, noteInLog } from '../logging/log-context.ts';
import type { JobPayload } from '../queue/jobs.ts';
import { isFirstInQueue } from '../sharing/fence.ts';
import { giveHolds, releaseHolds } from '../sharing/holds.ts';
import { policyRefusal } from './call-copy-image.ts';
import { changeCopy } from './change-job.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import { failureOf, isCredentials, mayTryAgain } from './failure.ts';
import { waitForAccount } from './unreachable.ts';

/**
 * Gives other accounts the access to the source that copies into them need, and takes it back from accounts that need it no more. It
 * is one of the changes of the source's permissions, which are made one after the other.
 */
export async function holdSource(deps: WorkerDeps, { jobId }: JobPayload): Promise<StepOutcome> {
  const job = await deps.store.get(jobId);
  if (job?.kind !== 'copy') return DONE;
  const { give, release } = dueHolds(job);
  if (give.length + release.length === 0) return DONE;
  noteInLog(aboutJob(job));
  const me = { jobId, destination: null };
  if (!(await isFirstInQueue(deps, imageScope(job), job.image.id, me))) return DONE;
  if (release.length > 0) {
    const outcome = await releaseAll(deps, job, release);
    if (outcome !== null) return outcome;
  }
  if (give.length > 0) {
    const outcome = await giveAll(deps, job, give);
    if (outcome !== null) return outcome;
  }
  return again(deps, jobId);
}

/** Other accounts may have come to need access, or to need it no more, while the step ran. */
async function again({ store }: WorkerDeps, jobId: string): Promise<StepOutcome> {
  const job = await store.get(jobId);
  const { give, release } = job === null ? { give: [], release: [] } : dueHolds(job);
  if (give.length + release.length === 0) return DONE;
  return { outcome: 'again', why: 'the copies of the job have changed meanwhile', delayMs: 1 };
}

async function releaseAll(deps: WorkerDeps, job: CopyJob, accounts: string[]): Promise<StepOutcome | null> {
  try {
    const image = await deps.gateway.describeImage(imageScope(job), job.image.id);
    if (image === null && isYoung(deps, job, accounts))
      return await tryAgain(deps, job, accounts, notSeen(job));
    await releaseHolds(deps, job, image, accounts);
    return null;
  } catch (error) {
    if (!(error instanceof AmiferryError)) throw error;
    if (
      isCredentials(error)
        ? isReachableSoon(deps, job, accounts)
        : mayTryAgain(deps, waitOf(deps, job, accounts), error)
    )
      return tryAgain(deps, job, accounts, error.message);
    const warning = stillShared(job.image, accounts, error.message);
    deps.logger.error(
      { err: error, imageId: job.image.id, accounts },
      'could not take back the access to the source',
    );
    await changeCopy(deps, job.id, holdsReleased(accounts, [warning]));
    return null;
  }
}

async function giveAll(deps: WorkerDeps, job: CopyJob, asked: string[]): Promise<StepOutcome | null> {
  const accounts = await allowed(deps, job, asked);
  if (accounts.length === 0) return null;
  try {
    const image = await deps.gateway.describeImage(imageScope(job), job.image.id);
    if (image === null && isYoung(deps, job, accounts))
      return await tryAgain(deps, job, accounts, notSeen(job));
    // CopyImage itself says what is wrong with an image that is gone, or that only its owner can share.
    if (image === null || !isOwn(image)) await changeCopy(deps, job.id, holdsGiven(accounts));
    else await giveHolds(deps, { job, image, accounts });
    return null;
  } catch (error) {
    if (!(error instanceof AmiferryError)) throw error;
    if (isCredentials(error)) {
      let outcome: StepOutcome = DONE;
      for (const ref of refsInNeed(job, accounts)) outcome = await waitForAccount(deps, job.id, ref, error);
      return outcome;
    }
    if (mayTryAgain(deps, waitOf(deps, job, accounts), error))
      return tryAgain(deps, job, accounts, error.message);
    await changeCopy(deps, job.id, holdsRefused(accounts, failureOf(error)));
    return null;
  }
}

/** Fails the copies that the policy does not allow (any more). @returns the accounts that it allows */
async function allowed(deps: WorkerDeps, job: CopyJob, accounts: readonly string[]): Promise<string[]> {
  const fine: string[] = [];
  for (const account of accounts) {
    const destinations = job.destinations.filter(
      (one) => one.spec.account === account && needsHold(job, one),
    );
    const refusals = await Promise.all(destinations.map((one) => policyRefusal(deps, job, one)));
    const failure = refusals.find((one) => one !== null);
    if (failure === undefined) fine.push(account);
    else await changeCopy(deps, job.id, holdsRefused([account], failure));
  }
  return fine;
}

function isOwn({ ownerId, account }: Image): boolean {
  return ownerId === account;
}

async function tryAgain(
  deps: WorkerDeps,
  job: CopyJob,
  accounts: readonly string[],
  why: string,
): Promise<StepOutcome> {
  await changeCopy(deps, job.id, holdsTried(accounts));
  return { outcome: 'again', why };
}

/** Deadlines count from the first try that failed. */
function waitOf({ store }: WorkerDeps, job: CopyJob, accounts: readonly string[]) {
  return { since: triedSince(job, accounts) ?? store.now() };
}

/** One stale answer does not mean that the image is gone. */
function isYoung(deps: WorkerDeps, job: CopyJob, accounts: readonly string[]): boolean {
  return deps.store.now() - waitOf(deps, job, accounts).since < deps.settings.goneMs;
}

function isReachableSoon(deps: WorkerDeps, job: CopyJob, accounts: readonly string[]): boolean {
  return deps.store.now() - waitOf(deps, job, accounts).since < deps.settings.credentialsMs;
}

function notSeen({ image }: CopyJob): string {
  return `EC2 does not show ${image.id} (any more, or yet)`;
}
