import type { Image, ImageName } from '../domain/ami.ts';
import { dueHolds, dueHoldsOf, stillShared, triesOf, waitingFor } from '../domain/holds.ts';
import type { WhyTried } from '../domain/hold-transitions.ts';
import { holdsGiven, holdsRefused, holdsReleased, holdsTried, hubGone } from '../domain/hold-transitions.ts';
import { attemptRef } from '../domain/job.ts';
import { mayBeMade } from '../domain/apply-transition.ts';
import type { CopyJob, HoldTries } from '../domain/job.ts';
import { fail, isGone, unseenAgain } from '../domain/transitions.ts';
import { AwsError } from '../aws/aws-error.ts';
import { AmiferryError } from '../errors.ts';
import { aboutJob, noteInLog } from '../logging/log-context.ts';
import type { HoldPayload } from '../queue/jobs.ts';
import { isFirstInQueue, StepOvertaken } from '../sharing/fence.ts';
import { giveHolds } from '../sharing/give-holds.ts';
import { freeHolds, releaseHolds } from '../sharing/release-holds.ts';
import { policyRefusal } from './call-copy-image.ts';
import { changeCopy } from './change-job.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import type { Wait } from './failure.ts';
import { failureOf, isCredentials, isThrottled, mayTryAgain } from './failure.ts';
import { isStale } from './share-copy.ts';
import { waitForAccount } from './unreachable.ts';

/** What is tried for one image: the accounts that get access, or lose it. */
interface Try {
  job: CopyJob;
  source: ImageName;
  accounts: readonly string[];
  to: HoldTries['to'];
}

/**
 * Gives other accounts the access to an image that a job's copies into them need, and takes it back from accounts that need it no more.
 * It is one of the changes of an image's permissions, which are made one after the other.
 */
export async function holdSource(deps: WorkerDeps, { jobId, imageId }: HoldPayload): Promise<StepOutcome> {
  const job = await deps.store.get(jobId);
  if (job === null) return DONE;
  const due = dueHolds(job).find(({ image }) => image.imageId === imageId);
  if (due === undefined || !(await isFirst(deps, jobId, due.image))) return DONE;
  noteInLog(aboutJob(job));
  const waits = await holdOne(deps, jobId, due.image).catch((error: unknown) => {
    if (error instanceof StepOvertaken) return null;
    throw error;
  });
  return waits ?? again(deps, jobId, due.image);
}

function isFirst(deps: WorkerDeps, jobId: string, image: ImageName): Promise<boolean> {
  return isFirstInQueue(deps, image, image.imageId, { jobId, destination: null });
}

/** What is due for one image. @returns why to try again; `null` where that is not needed */
async function holdOne(deps: WorkerDeps, jobId: string, source: ImageName): Promise<StepOutcome | null> {
  const job = await deps.store.get(jobId);
  if (job?.kind !== 'copy') return null;
  const { give, release } = dueHoldsOf(job, source);
  if (release.length > 0) {
    const outcome = await releaseAll(deps, { job, source, accounts: release, to: 'release' });
    if (outcome !== null) return outcome;
  }
  return give.length === 0 ? null : giveAll(deps, { job, source, accounts: give, to: 'give' });
}

/** Other accounts may have come to need access, or to need it no more, while the step ran. */
async function again(deps: WorkerDeps, jobId: string, source: ImageName): Promise<StepOutcome> {
  const job = await deps.store.get(jobId);
  const { give, release } = job === null ? { give: [], release: [] } : dueHoldsOf(job, source);
  if (give.length + release.length === 0 || !(await isFirst(deps, jobId, source))) return DONE;
  return { outcome: 'again', why: 'the copies of the job have changed meanwhile', delayMs: 1 };
}

async function releaseAll(deps: WorkerDeps, one: Try): Promise<StepOutcome | null> {
  const { job, source, accounts } = one;
  try {
    const isReleased = await release(deps, one);
    return isReleased ? null : await tryAgain(deps, one, notSeen(source), 'unseen');
  } catch (error) {
    if (!(error instanceof AmiferryError)) throw error;
    const isToWait = isCredentials(error)
      ? isReachableSoon(deps, one)
      : mayTryAgain(deps, waitOf(deps, one), error);
    if (isToWait) return tryAgain(deps, one, error.message, whyTried(error));
    if (error instanceof AwsError && accounts.length > 1)
      return each(one, (alone) => releaseAll(deps, alone));
    const { free } = await freeHolds(deps, source, accounts);
    const warnings = free.length === 0 ? [] : [stillShared(source, free, error.message)];
    deps.logger.error(
      { err: error, imageId: source.imageId, accounts },
      'could not take back the access to an image that was copied',
    );
    await changeCopy(deps, job.id, holdsReleased(source, accounts, warnings));
    return null;
  }
}

/** EC2 and KMS refuse a call for all its accounts because of one, such as a closed one: it is made for each of them. */
async function each(one: Try, run: (alone: Try) => Promise<StepOutcome | null>): Promise<StepOutcome | null> {
  let waits: StepOutcome | null = null;
  for (const account of one.accounts) waits = (await run({ ...one, accounts: [account] })) ?? waits;
  return waits;
}

/** Returns whether it is done; else EC2 does not show the image, which may be one stale answer. */
async function release(deps: WorkerDeps, one: Try): Promise<boolean> {
  const { job, source, accounts } = one;
  const { free } = await freeHolds(deps, source, accounts);
  if (free.length > 0) {
    const image = await deps.gateway.describeImage(source, source.imageId);
    if (image !== null && (await isKnown(releaseHolds(deps, job, source, image, accounts)))) return true;
    if (!isUnseenForGood(deps, one)) return false;
  }
  await releaseHolds(deps, job, source, null, accounts);
  return true;
}

/** Whether a step on an image was made; EC2 may not know the image any more, although it has just described it. */
async function isKnown(step: Promise<void>): Promise<boolean> {
  try {
    await step;
    return true;
  } catch (error) {
    if (!isStale(error)) throw error;
    return false;
  }
}

async function giveAll(deps: WorkerDeps, asked: Try): Promise<StepOutcome | null> {
  const { job, source } = asked;
  const accounts = await allowed(deps, asked);
  if (accounts.length === 0) return null;
  const one = { ...asked, accounts };
  try {
    const image = await deps.gateway.describeImage(source, source.imageId);
    if (image === null && !isUnseenForGood(deps, one))
      return await tryAgain(deps, one, notSeen(source), 'unseen');
    if (image === null && (await changeCopy(deps, job.id, hubGone(source))).outcome === 'changed')
      return null;
    // CopyImage itself says what is wrong with an image that is gone, or that only its owner can share.
    if (image !== null && isOwn(image)) await giveHolds(deps, { job, image, accounts });
    else await changeCopy(deps, job.id, holdsGiven(source, accounts));
    return null;
  } catch (error) {
    if (!(error instanceof AmiferryError)) throw error;
    if (isCredentials(error)) return waitForOwner(deps, one, error);
    if (isStale(error) && !isUnseenForGood(deps, one)) return tryAgain(deps, one, error.message, 'unseen');
    if (mayTryAgain(deps, waitOf(deps, one), error))
      return tryAgain(deps, one, error.message, whyTried(error));
    if (error instanceof AwsError && accounts.length > 1) return each(one, (alone) => giveAll(deps, alone));
    await changeCopy(deps, job.id, holdsRefused(source, accounts, failureOf(error)));
    return null;
  }
}

/** The account of the source does not take the credentials. The copies that wait for its access show that. */
async function waitForOwner(deps: WorkerDeps, one: Try, error: AwsError): Promise<StepOutcome | null> {
  const { job, source, accounts } = one;
  const again = await tryAgain(deps, one, error.message, 'held-up');
  const waiting = waitingFor(job, source, accounts);
  let isWaiting = waiting.length === 0;
  for (const copy of waiting) {
    const { outcome } = await waitForAccount(deps, job.id, attemptRef(copy), error);
    isWaiting ||= outcome === 'again';
  }
  return isWaiting ? again : null;
}

/** Fails the copies that the policy does not allow (any more). @returns the accounts with copies that it allows */
async function allowed(deps: WorkerDeps, { job, source, accounts }: Try): Promise<string[]> {
  const asked = waitingFor(job, source, accounts).filter((one) => !mayBeMade(one));
  const failures = await Promise.all(asked.map((one) => policyRefusal(deps, job, one)));
  for (const [i, failure] of failures.entries()) {
    const one = asked[i];
    if (one !== undefined && failure !== null) await changeCopy(deps, job.id, fail(attemptRef(one), failure));
  }
  if (failures.every((failure) => failure === null)) return [...accounts];
  const now = await deps.store.get(job.id);
  const give = now === null ? [] : dueHoldsOf(now, source).give;
  return accounts.filter((account) => give.includes(account));
}

function isOwn({ ownerId, account }: Image): boolean {
  return ownerId === account;
}

async function tryAgain(
  deps: WorkerDeps,
  { job, source, accounts, to }: Try,
  why: string,
  kind: WhyTried,
): Promise<StepOutcome> {
  await changeCopy(deps, job.id, holdsTried(source, accounts, to, kind));
  return { outcome: 'again', why };
}

function whyTried(error: AmiferryError): WhyTried {
  return isThrottled(error) || isCredentials(error) ? 'held-up' : 'other';
}

/** Deadlines count from the first try that failed. */
function waitOf({ store }: WorkerDeps, { job, source, accounts, to }: Try): Wait {
  return triesOf(job, source, accounts, to) ?? { since: store.now() };
}

/** One stale answer does not mean that the image is gone: several tries in a row did not find it, this one among them. */
function isUnseenForGood({ store, settings }: WorkerDeps, { job, source, accounts, to }: Try): boolean {
  const now = store.now();
  return isGone(unseenAgain(triesOf(job, source, accounts, to)?.unseen, now), now, settings);
}

function isReachableSoon(deps: WorkerDeps, one: Try): boolean {
  return deps.store.now() - waitOf(deps, one).since < deps.settings.credentialsMs;
}

function notSeen({ imageId }: ImageName): string {
  return `EC2 does not show ${imageId} (any more, or yet)`;
}
