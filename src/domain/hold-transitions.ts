import type { ImageName } from './ami.ts';
import type { Transition } from './apply-transition.ts';
import { changing, finishing, mayBeMade } from './apply-transition.ts';
import { DUE, dueHoldsOf, isFor, needs, waitingFor, withNeeded } from './holds.ts';
import { sourceOf, spokesOf } from './hubs.ts';
import type { CopyJob, Destination, Failure, Hold, HoldTries, Warning } from './job.ts';
import { attemptRef, destinationKey } from './job.ts';
import { stopAll } from './removal-transitions.ts';
import { fail, unseenAgain } from './transitions.ts';
import { withWarnings } from './warnings.ts';

/** The transitions of holds: what they are is in holds.ts. */

const HELD = { state: 'held', tries: null } as const;
const RELEASED = { state: 'released', tries: null } as const;

/** Changes the holds of some accounts on an image; `null` from `patch` leaves one as it is. */
function setting(
  image: ImageName,
  accounts: readonly string[],
  patch: (hold: Hold) => Partial<Hold> | null,
): Transition {
  const tests = accounts.map((account) => isFor(image, account));
  return (job, now) => {
    let changed = false;
    const holds = (withNeeded(job).holds ?? []).map((hold) => {
      const changes = tests.some((isOne) => isOne(hold)) ? patch(hold) : null;
      changed ||= changes !== null;
      return changes === null ? hold : { ...hold, ...changes };
    });
    return changed ? finishing({ ...job, holds }, now) : null;
  };
}

/** The accounts are about to be given access. What they are given is saved in the same write (store/holds.ts). */
export const holdsBegun =
  (image: ImageName, accounts: readonly string[]): Transition =>
  (job, now) => {
    const { give } = dueHoldsOf(job, image);
    if (!accounts.every((account) => give.includes(account))) return null;
    return setting(image, accounts, () => ({}))(job, now);
  };

/** The accounts have access: their copies may start. @param warnings what may still be missing */
export const holdsGiven =
  (image: ImageName, accounts: readonly string[], warnings: readonly Warning[] = []): Transition =>
  (job, now) => {
    const { give } = dueHoldsOf(job, image);
    const after = setting(image, accounts, ({ account }) => (give.includes(account) ? { ...HELD } : null))(
      job,
      now,
    );
    return after === null ? null : { ...after, warnings: withWarnings(after.warnings, warnings) };
  };

/** The job holds no access for these accounts any more: it was taken back, or other jobs still need it. `warnings` say that it could not be taken back. */
export const holdsReleased =
  (image: ImageName, accounts: readonly string[], warnings: readonly Warning[] = []): Transition =>
  (job, now) => {
    const { release } = dueHoldsOf(job, image);
    const after = setting(image, accounts, ({ account }) =>
      release.includes(account) ? { ...RELEASED } : null,
    )(job, now);
    if (after === null) return null;
    const removable = { ...after, destinations: after.destinations.map((one) => fromNow(image, one, now)) };
    return { ...removable, warnings: withWarnings(after.warnings, warnings) };
  };

/** The removal of a hub has waited for this: its deadline counts from now. */
function fromNow({ imageId }: ImageName, one: Destination, now: number): Destination {
  return one.stopping === null || one.imageId !== imageId ? one : { ...one, stoppingAt: now };
}

/** EC2 says that the account of a destination has no access to its source (any more): access is to be given (again). */
export const holdAgain =
  (one: Destination): Transition =>
  (job, now) => {
    const source = sourceOf(job, one);
    if (source === null) return null;
    return setting(source, [one.spec.account], ({ state }) => (state === 'held' ? DUE : null))(job, now);
  };

/** Why a try has failed. `held-up`: throttling, or refused credentials. `unseen`: EC2 does not show the image. */
export type WhyTried = 'held-up' | 'unseen' | 'other';

/** A try to give, or to take back, has failed. Deadlines count from the first one, or from when they were last held up. */
export const holdsTried =
  (image: ImageName, accounts: readonly string[], to: HoldTries['to'], why: WhyTried): Transition =>
  (job, now) => {
    const due = dueHoldsOf(job, image)[to];
    return setting(image, accounts, ({ account, tries }) => {
      if (!due.includes(account)) return null;
      const before = tries?.to === to ? tries : null;
      const heldUpAt = why === 'held-up' ? now : (before?.heldUpAt ?? null);
      const unseen = why === 'unseen' ? unseenAgain(before?.unseen, now) : null;
      return { tries: { to, since: before?.since ?? now, heldUpAt, unseen } };
    })(job, now);
  };

/**
 * The accounts can't be given access: the destinations that wait for it fail. One that EC2 is copying already, or may be, goes on with
 * the access that its account has: EC2 says whether that is enough.
 */
export const holdsRefused =
  (image: ImageName, accounts: readonly string[], error: Failure): Transition =>
  (job, now) => {
    let after: CopyJob = job;
    for (const one of waitingFor(job, image, accounts))
      if (!mayBeMade(one)) after = fail(attemptRef(one), error)(after, now) ?? after;
    const needed = needs(after);
    const isNeeded = (account: string) => needed.some(isFor(image, account));
    return setting(image, accounts, ({ account }) => (isNeeded(account) ? HELD : { tries: null }))(
      after,
      now,
    );
  };

/** EC2 does not show a hub any more: somebody has deregistered it. The copies that wait for it fail, and a retry makes it again. */
export const hubGone =
  ({ imageId }: ImageName): Transition =>
  (job, now) => {
    const hub = job.destinations.find((one) => one.imageId === imageId && spokesOf(job, one).length > 0);
    if (hub === undefined || hub.imageState === 'deregistered') return null;
    const after = changing(destinationKey(hub), () => ({ imageState: 'deregistered' }))(job, now);
    const failed = after?.destinations.some(({ error }) => error?.code === 'hub-failed') === true;
    if (after === null || !failed || job.onFailure === 'keep') return after;
    return stopAll('rollback')(after, now) ?? after;
  };
