import type { ImageName } from './ami.ts';
import type { Transition } from './apply-transition.ts';
import { changing, finishing, mayBeMade } from './apply-transition.ts';
import { DUE, dueHoldsOf, isFor, needs, waitingFor } from './holds.ts';
import { sourceOf, spokesOf } from './hubs.ts';
import type { CopyJob, Destination, Failure, Hold, Warning } from './job.ts';
import { attemptRef, destinationKey } from './job.ts';
import { fail } from './transitions.ts';
import { withWarnings } from './warnings.ts';

/** The transitions of holds: what they are is in holds.ts. */

const NOT_TRIED = { triedAt: null, heldUpAt: null };
const HELD = { state: 'held', ...NOT_TRIED } as const;
const RELEASED = { state: 'released', ...NOT_TRIED } as const;

function setting(
  { account: owner, region, imageId }: ImageName,
  accounts: readonly string[],
  patch: (hold: Hold, now: number) => Partial<Hold> | null,
): Transition {
  return (job, now) => {
    const image = { account: owner, region, imageId };
    let changed = false;
    const holds = [...(job.holds ?? [])];
    for (const account of accounts) {
      const index = holds.findIndex(isFor(image, account));
      const hold = holds[index] ?? { account, source: image, ...DUE };
      const changes = patch(hold, now);
      if (changes === null) continue;
      changed = true;
      holds.splice(index < 0 ? holds.length : index, index < 0 ? 0 : 1, { ...hold, ...changes });
    }
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
    return after === null ? null : { ...after, warnings: withWarnings(after.warnings, warnings) };
  };

/** EC2 says that the account of a destination has no access to its source (any more): access is to be given (again). */
export const holdAgain =
  (one: Destination): Transition =>
  (job, now) => {
    const source = sourceOf(job, one);
    if (source === null) return null;
    return setting(source, [one.spec.account], ({ state }) => (state === 'held' ? DUE : null))(job, now);
  };

/**
 * A try to give or to take back has failed: deadlines count from the first one.
 * @param isHeldUp by throttling, or by refused credentials: the time until now does not count for other errors
 */
export const holdsTried = (image: ImageName, accounts: readonly string[], isHeldUp: boolean): Transition =>
  setting(image, accounts, ({ triedAt }, now) =>
    triedAt !== null && !isHeldUp
      ? null
      : { triedAt: triedAt ?? now, ...(isHeldUp ? { heldUpAt: now } : {}) },
  );

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
    return setting(image, accounts, ({ account }) => (isNeeded(account) ? HELD : NOT_TRIED))(after, now);
  };

/** EC2 does not show a hub any more: somebody has deregistered it. The copies that wait for it fail, and a retry makes it again. */
export const hubGone =
  ({ imageId }: ImageName): Transition =>
  (job, now) => {
    const hub = job.destinations.find((one) => one.imageId === imageId && spokesOf(job, one).length > 0);
    if (hub === undefined || hub.imageState === 'deregistered') return null;
    return changing(destinationKey(hub), () => ({ imageState: 'deregistered' }))(job, now);
  };
