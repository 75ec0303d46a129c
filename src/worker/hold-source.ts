import type { Image, ImageName } from '../domain/ami.ts';
import type { DueHolds } from '../domain/holds.ts';
import {
  dueHolds,
  dueHoldsOf,
  holdsBegun,
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

/** What is tried for one image: the accounts that get access, or lose it. */
interface Try {
  job: CopyJob;
  source: ImageName;
  accounts: readonly string[];
}

/**
 * Gives other accounts the access to the images of a job that copies into them need, and takes it back from accounts that need it no
 * more. It is one of the changes of an image's permissions, which are made one after the other.
 */
export async function holdSource(deps: WorkerDeps, { jobId }: JobPayload): Promise<StepOutcome> {
  const job = await deps.store.get(jobId);
  if (job?.kind !== 'copy' || dueHolds(job).length === 0) return DONE;
  noteInLog(aboutJob(job));
  let waits: StepOutcome | null = null;
  for (const { image } of dueHolds(job)) waits = (await holdOne(deps, job.id, image)) ?? waits;
  return waits ?? again(deps, jobId);
}

/** What is due for one image, if it is the turn of the job. @returns why to try again; `null` where that is not needed */
async function holdOne(deps: WorkerDeps, jobId: string, source: ImageName): Promise<StepOutcome | null> {
  const me = { jobId, destination: null };
  if (!(await isFirstInQueue(deps, source, source.imageId, me))) return null;
  const job = await deps.store.get(jobId);
  if (job?.kind !== 'copy') return null;
  const { give, release } = dueHoldsOf(job, source);
  if (release.length > 0) {
    const outcome = await releaseAll(deps, { job, source, accounts: release });
    if (outcome !== null) return outcome;
  }
  return give.length === 0 ? null : giveAll(deps, job, source, give);
}

/** Other accounts may have come to need access, or to need it no more, while the step ran. */
async function again(deps: WorkerDeps, jobId: string): Promise<StepOutcome> {
  const job = await deps.store.get(jobId);
  const me = { jobId, destination: null };
  const isNext = ({ image }: DueHolds) => isFirstInQueue(deps, image, image.imageId, me);
  const turns = await Promise.all((job === null ? [] : dueHolds(job)).map(isNext));
  if (!turns.includes(true)) return DONE;
  return { outcome: 'again', why: 'the copies of the job have changed meanwhile', delayMs: 1 };
}

async function releaseAll(deps: WorkerDeps, one: Try): Promise<StepOutcome | null> {
  const { job, source, accounts } = one;
  try {
    const image = await deps.gateway.describeImage(source, source.imageId);
    if (image === null && isYoung(deps, one)) return await tryAgain(deps, one, notSeen(source));
    await releaseHolds(deps, job, source, image, accounts);
    return null;
  } catch (error) {
    if (!(error instanceof AmiferryError)) throw error;
    const isToWait = isCredentials(error)
      ? isReachableSoon(deps, one)
      : mayTryAgain(deps, waitOf(deps, one), error);
    if (isToWait) return tryAgain(deps, one, error.message);
    const warning = stillShared(source, accounts, error.message);
    deps.logger.error(
      { err: error, imageId: source.imageId, accounts },
      'could not take back the access to an image that was copied',
    );
    await changeCopy(deps, job.id, holdsReleased(source, accounts, [warning]));
    return null;
  }
}

async function giveAll(
  deps: WorkerDeps,
  job: CopyJob,
  source: ImageName,
  asked: readonly string[],
): Promise<StepOutcome | null> {
  const accounts = await allowed(deps, { job, source, accounts: asked });
  if (accounts.length === 0) return null;
  const one = { job, source, accounts };
  try {
    const image = await deps.gateway.describeImage(source, source.imageId);
    if (image === null && isYoung(deps, one)) return await tryAgain(deps, one, notSeen(source));
    // CopyImage itself says what is wrong with an image that is gone, or that only its owner can share.
    if (image !== null && isOwn(image)) await giveHolds(deps, { job, image, accounts });
    else if ((await changeCopy(deps, job.id, holdsBegun(source, accounts))).outcome === 'changed')
      await changeCopy(deps, job.id, holdsGiven(source, accounts));
    return null;
  } catch (error) {
    if (!(error instanceof AmiferryError)) throw error;
    if (isCredentials(error)) {
      let outcome: StepOutcome = DONE;
      for (const ref of refsInNeed(job, source, accounts))
        outcome = await waitForAccount(deps, job.id, ref, error);
      return outcome;
    }
    if (mayTryAgain(deps, waitOf(deps, one), error)) return tryAgain(deps, one, error.message);
    await changeCopy(deps, job.id, holdsRefused(source, accounts, failureOf(error)));
    return null;
  }
}

/** Fails the copies that the policy does not allow (any more). @returns the accounts that it allows */
async function allowed(deps: WorkerDeps, { job, source, accounts }: Try): Promise<string[]> {
  const fine: string[] = [];
  for (const account of accounts) {
    const destinations = job.destinations.filter(
      (one) => one.spec.account === account && needsHold(job, one),
    );
    const refusals = await Promise.all(destinations.map((one) => policyRefusal(deps, job, one)));
    const failure = refusals.find((one) => one !== null);
    if (failure === undefined) fine.push(account);
    else await changeCopy(deps, job.id, holdsRefused(source, [account], failure));
  }
  return fine;
}

function isOwn({ ownerId, account }: Image): boolean {
  return ownerId === account;
}

async function tryAgain(deps: WorkerDeps, { job, source, accounts }: Try, why: string): Promise<StepOutcome> {
  await changeCopy(deps, job.id, holdsTried(source, accounts));
  return { outcome: 'again', why };
}

/** Deadlines count from the first try that failed. */
function waitOf({ store }: WorkerDeps, { job, source, accounts }: Try) {
  return { since: triedSince(job, source, accounts) ?? store.now() };
}

/** One stale answer does not mean that the image is gone. */
function isYoung(deps: WorkerDeps, one: Try): boolean {
  return deps.store.now() - waitOf(deps, one).since < deps.settings.goneMs;
}

function isReachableSoon(deps: WorkerDeps, one: Try): boolean {
  return deps.store.now() - waitOf(deps, one).since < deps.settings.credentialsMs;
}

function notSeen({ imageId }: ImageName): string {
  return `EC2 does not show ${imageId} (any more, or yet)`;
}
