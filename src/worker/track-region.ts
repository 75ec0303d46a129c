import type { Scope } from '../domain/ami.ts';
import { parseScope, scopeKey } from '../domain/ami.ts';
import { nextLook, progressInterval } from '../domain/next-look.ts';
import { chunksOf } from '../domain/chunks.ts';
import { Ec2Error } from '../ec2/classify.ts';
import type { ScopePayload } from '../queue/jobs.ts';
import type { PendingCopy } from '../store/store.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import { refOf } from './copy-changes.ts';
import { isCredentials, mayPass } from './failure.ts';
import { wakeLine } from './lines.ts';
import { COPIES_A_CALL, lookAt, WRITES_AT_ONCE } from './look-at.ts';
import { paceOf } from './pace.ts';
import { waitForAccount } from './unreachable.ts';

/** At most one look in so many milliseconds at what EC2's events tell of, however many there are. */
const NOTICED_EVERY = 1000;

/** Milliseconds after which all is looked at where EC2 told of a copy's end and does not show it yet, or did not answer. */
const NOT_YET = 2000;

/**
 * Looks at all pending copies of one scope, in as few calls as EC2 allows, and decides when to look again. Then it wakes as many
 * of those in line as there are free slots. With `noticed` it looks just at the copies that EC2's own events told of.
 *
 * The scope was put back for a look soon when this one was taken up, and is put off only once it is over: a worker that dies in
 * one costs no more than that.
 */
export async function trackRegion(deps: WorkerDeps, payload: ScopePayload): Promise<StepOutcome> {
  const scope = parseScope(payload.scope);
  try {
    return await (payload.noticed === true ? trackNoticed(deps, scope) : trackAll(deps, scope));
  } catch (error) {
    if (!(error instanceof Ec2Error)) throw error;
    if (isCredentials(error) || !mayPass(error)) await waitForAll(deps, scope, error);
    return { outcome: 'again', why: error.message };
  }
}

/** Copies that this service may not look at, for its credentials or its IAM policy, wait, each until its own deadline. */
async function waitForAll(deps: WorkerDeps, scope: Scope, error: Ec2Error): Promise<void> {
  const pending = await deps.store.pending(scope);
  for (const some of chunksOf(pending, WRITES_AT_ONCE))
    await Promise.all(some.map((copy) => waitForAccount(deps, copy.jobId, refOf(copy), error)));
}

async function trackAll(deps: WorkerDeps, scope: Scope): Promise<StepOutcome> {
  const { pending, due } = await deps.store.beginLook(scope);
  if (pending.length > 0) await lookAtAll(deps, scope, pending);
  await wakeLine(deps, scope);
  if (pending.length === 0) await deps.store.dropIdleScope(scope);
  else await lookAgain(deps, scope, due);
  return DONE;
}

async function lookAtAll(deps: WorkerDeps, scope: Scope, pending: readonly PendingCopy[]): Promise<void> {
  await lookAt(deps, scope, pending, await isProgressDue(deps, scope, pending));
}

/** Progress is asked for at some of the looks only: it takes more calls than the end of a copy does. */
async function isProgressDue(
  deps: WorkerDeps,
  scope: Scope,
  pending: readonly PendingCopy[],
): Promise<boolean> {
  const [now, pace] = [deps.store.now(), paceOf(deps)];
  // EC2 has nothing to tell yet of one that has only just begun.
  if (pending.every(({ startedAt }) => now - startedAt < pace.shortest)) return false;
  const calls = Math.ceil(pending.length / COPIES_A_CALL);
  return deps.store.takeTurn(`progress/${scopeKey(scope)}`, progressInterval(pending, now, pace, calls));
}

/** By what is pending now, with the progress that was just written. */
async function lookAgain(deps: WorkerDeps, scope: Scope, due: number): Promise<void> {
  const pending = await deps.store.pending(scope);
  const next = nextLook(pending, deps.store.now(), paceOf(deps));
  await deps.store.putOff(scope, next, due, pending.length);
}

async function trackNoticed(deps: WorkerDeps, scope: Scope): Promise<StepOutcome> {
  if (!(await deps.store.takeTurn(`noticed/${scopeKey(scope)}`, NOTICED_EVERY)))
    return { outcome: 'again', why: 'EC2 told of other copies there just now', delayMs: NOTICED_EVERY };
  const noticed = await deps.store.takeNoticed(scope);
  // A worker took them and died: which ones they were is not known any more.
  if (noticed === null) await deps.store.lookBy(scope, deps.store.now());
  else if (noticed.length > 0) await lookAtNoticed(deps, scope, noticed);
  return DONE;
}

async function lookAtNoticed(deps: WorkerDeps, scope: Scope, noticed: PendingCopy[]): Promise<void> {
  try {
    await lookAt(deps, scope, noticed, false);
  } finally {
    const imageIds = noticed.map(({ imageId }) => imageId);
    if ((await deps.store.stillPending(scope, imageIds)).length > 0)
      await deps.store.lookBy(scope, deps.store.now() + NOT_YET);
  }
  await wakeLine(deps, scope);
}
