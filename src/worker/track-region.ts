import type { Scope } from '../domain/ami.ts';
import { parseScope, scopeKey } from '../domain/ami.ts';
import { nextPoll, progressInterval } from '../domain/next-poll.ts';
import { chunksOf } from '../domain/chunks.ts';
import { AwsError } from '../aws/aws-error.ts';
import type { ScopePayload } from '../queue/jobs.ts';
import type { PendingCopy } from '../store/polls.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import { refOf } from './copy-changes.ts';
import { isCredentials, mayPass } from './failure.ts';
import { COPIES_A_CALL, pollCopies, WRITES_AT_ONCE } from './poll-copies.ts';
import { pollIntervalOf } from './poll-interval.ts';
import { waitForAccount } from './unreachable.ts';

/** The least time between two polls of copies that EC2's events name, milliseconds, however many events there are. */
const HINTED_EVERY = 1000;

/** Milliseconds until the next poll of all copies, where EC2 reported a copy's end and does not show it yet, or did not answer. */
const NOT_YET = 2000;

/**
 * Polls all pending copies of one scope, in as few calls as EC2 allows, and decides when to poll again. With `hinted` it polls
 * only the copies that EC2's own events named.
 *
 * The scope's next poll was made due soon when this one began, and is postponed only when this one has ended. So a worker that
 * dies during a poll delays the next one by no more than that time.
 */
export async function trackRegion(deps: WorkerDeps, payload: ScopePayload): Promise<StepOutcome> {
  const scope = parseScope(payload.scope);
  try {
    return await (payload.hinted === true ? trackHinted(deps, scope) : trackAll(deps, scope));
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    if (isCredentials(error) || !mayPass(error)) await waitForAll(deps, scope, error);
    return { outcome: 'again', why: error.message };
  }
}

/** Copies that this service may not poll, because of its credentials or its IAM policy, wait, each until its own deadline. */
async function waitForAll(deps: WorkerDeps, scope: Scope, error: AwsError): Promise<void> {
  const pending = await deps.store.polls.pending(scope);
  for (const some of chunksOf(pending, WRITES_AT_ONCE))
    await Promise.all(some.map((copy) => waitForAccount(deps, copy.jobId, refOf(copy), error)));
}

async function trackAll(deps: WorkerDeps, scope: Scope): Promise<StepOutcome> {
  const { pending, due } = await deps.store.polls.beginPoll(scope);
  if (pending.length > 0) await pollAll(deps, scope, pending);
  if (pending.length === 0) await deps.store.polls.dropIdleScope(scope);
  else await pollAgain(deps, scope, due);
  return DONE;
}

async function pollAll(deps: WorkerDeps, scope: Scope, pending: readonly PendingCopy[]): Promise<void> {
  await pollCopies(deps, scope, pending, await isProgressDue(deps, scope, pending));
}

/** Progress is requested in only some of the polls, since it takes more calls than the end of a copy does. */
async function isProgressDue(
  deps: WorkerDeps,
  scope: Scope,
  pending: readonly PendingCopy[],
): Promise<boolean> {
  const [now, pollInterval] = [deps.store.now(), pollIntervalOf(deps)];
  // EC2 reports no progress yet for a copy that has just begun.
  if (pending.every(({ startedAt }) => now - startedAt < pollInterval.shortest)) return false;
  const calls = Math.ceil(pending.length / COPIES_A_CALL);
  return deps.store.leases.takeLease(
    `progress/${scopeKey(scope)}`,
    progressInterval(pending, now, pollInterval, calls),
  );
}

/** Decides from the copies that are pending now, with the progress that was just written. */
async function pollAgain(deps: WorkerDeps, scope: Scope, due: number): Promise<void> {
  const pending = await deps.store.polls.pending(scope);
  const next = nextPoll(pending, deps.store.now(), pollIntervalOf(deps));
  await deps.store.polls.postponePoll(scope, next, due, pending.length);
}

async function trackHinted(deps: WorkerDeps, scope: Scope): Promise<StepOutcome> {
  if (!(await deps.store.leases.takeLease(`event-hints/${scopeKey(scope)}`, HINTED_EVERY)))
    return { outcome: 'again', why: 'EC2 reported other copies there just now', delayMs: HINTED_EVERY };
  const hinted = await deps.store.polls.takeEventHints(scope);
  // Another worker took the hints and died, so it is unknown which copies they named.
  if (hinted === null) await deps.store.polls.pollBy(scope, deps.store.now());
  else if (hinted.length > 0) await pollHinted(deps, scope, hinted);
  return DONE;
}

async function pollHinted(deps: WorkerDeps, scope: Scope, hinted: PendingCopy[]): Promise<void> {
  try {
    await pollCopies(deps, scope, hinted, false);
  } finally {
    const imageIds = hinted.map(({ imageId }) => imageId);
    if ((await deps.store.polls.stillPending(scope, imageIds)).length > 0)
      await deps.store.polls.pollBy(scope, deps.store.now() + NOT_YET);
  }
}
