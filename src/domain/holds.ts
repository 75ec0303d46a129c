import type { Scope } from './ami.ts';
import type { AttemptRef, CopyJob, Destination, Failure, Hold, Job, Warning } from './job.ts';
import { attemptRef } from './job.ts';
import { fail } from './transitions.ts';
import type { Transition } from './apply-transition.ts';
import { withWarnings } from './warnings.ts';

/**
 * A hold is the access to its source that a copy into another account needs until EC2 has made it: launch permission, permission for
 * each snapshot, and a grant for the key (ec2-facts: "Across accounts"). The holds of a job are by account:
 *
 *   due ──(given)──▶ held ──(no destination needs it)──▶ released
 *    ▲                                                       │
 *    └──────────────── retry, or access lost ◀───────────────┘
 *
 * Several jobs may need the same access. What was given is therefore kept by image and account (store/holds.ts), and only the last
 * job that needs it takes it back.
 */

/** What a hold gave, and so takes back: only what the account did not have before. */
export interface HoldGiven {
  /** Launch permission of the image. */
  launch: boolean;
  /** The snapshots for which the account was given createVolumePermission. */
  snapshots: string[];
  /** The keys for which the account was given a grant. */
  keys: string[];
}

export const NOTHING_HELD: HoldGiven = { launch: false, snapshots: [], keys: [] };

export function isNothingHeld({ launch, snapshots, keys }: HoldGiven): boolean {
  return !launch && snapshots.length + keys.length === 0;
}

/** The holds that a new job, or one that is retried, starts with. */
export function newHolds(source: Pick<Scope, 'account'>, destinations: readonly Destination[]): Hold[] {
  const accounts = destinations.map(({ spec }) => spec.account).filter((one) => one !== source.account);
  return [...new Set(accounts)].map((account): Hold => ({ account, state: 'due', triedAt: null }));
}

/** Whether EC2 still reads the source for a destination in another account. */
export function needsHold({ image }: CopyJob, { spec, state, stopping }: Destination): boolean {
  if (spec.account === image.account || stopping !== null) return false;
  return state === 'queued' || state === 'waiting' || state === 'pending';
}

/** The accounts that need access to the source of a job. */
export function accountsInNeed(job: CopyJob): Set<string> {
  return new Set(job.destinations.filter((one) => needsHold(job, one)).map(({ spec }) => spec.account));
}

/** The accounts that are to be given access, and those from which it is to be taken back. */
export function dueHolds(job: Job): { give: string[]; release: string[] } {
  if (job.kind !== 'copy' || job.holds === undefined) return { give: [], release: [] };
  const needed = accountsInNeed(job);
  const accounts = (which: (one: Hold) => boolean) =>
    job.holds?.filter(which).map((one) => one.account) ?? [];
  return {
    give: accounts(({ account, state }) => needed.has(account) && state !== 'held'),
    release: accounts(({ account, state }) => !needed.has(account) && state !== 'released'),
  };
}

/** Whether a destination has to wait until its account has access to the source. */
export function waitsForHold(job: CopyJob, destination: Destination): boolean {
  return needsHold(job, destination) && dueHolds(job).give.includes(destination.spec.account);
}

function changingHolds(
  accounts: readonly string[],
  patch: (hold: Hold, now: number) => Partial<Hold> | null,
): Transition {
  return (job, now) => {
    let changed = false;
    const holds = job.holds?.map((hold) => {
      const changes = accounts.includes(hold.account) ? patch(hold, now) : null;
      changed ||= changes !== null;
      return { ...hold, ...changes };
    });
    return holds !== undefined && changed ? { ...job, holds, updatedAt: now } : null;
  };
}

/** The accounts have access: their copies may start. @param warnings what may still be missing */
export const holdsGiven =
  (accounts: readonly string[], warnings: readonly Warning[] = []): Transition =>
  (job, now) => {
    const { give } = dueHolds(job);
    const after = changingHolds(accounts, ({ account }) =>
      give.includes(account) ? { state: 'held', triedAt: null } : null,
    )(job, now);
    return after === null ? null : { ...after, warnings: withWarnings(after.warnings, warnings) };
  };

/** What the accounts were given is taken back, or other jobs need it. With `warnings` it is left behind. */
export const holdsReleased =
  (accounts: readonly string[], warnings: readonly Warning[] = []): Transition =>
  (job, now) => {
    const { release } = dueHolds(job);
    const after = changingHolds(accounts, ({ account }) =>
      release.includes(account) ? { state: 'released', triedAt: null } : null,
    )(job, now);
    return after === null ? null : { ...after, warnings: withWarnings(after.warnings, warnings) };
  };

/** A destination is started again, or EC2 says that its account has no access (any more): access is to be given (again). */
export const holdAgain = (accounts: readonly string[]): Transition =>
  changingHolds(accounts, ({ state }) => (state === 'due' ? null : { state: 'due', triedAt: null }));

/** A try to give or to take back has failed: deadlines count from the first one. */
export const holdsTried = (accounts: readonly string[]): Transition =>
  changingHolds(accounts, ({ triedAt }, now) => (triedAt === null ? { triedAt: now } : null));

/** The accounts can't be given access: the destinations that need it fail. */
export const holdsRefused =
  (accounts: readonly string[], error: Failure): Transition =>
  (job, now) => {
    let after: CopyJob | null = null;
    for (const ref of refsInNeed(job, accounts)) after = fail(ref, error)(after ?? job, now) ?? after;
    return after;
  };

/** The destinations that wait for access of some accounts. */
export function refsInNeed(job: CopyJob, accounts: readonly string[]): AttemptRef[] {
  return job.destinations
    .filter((one) => accounts.includes(one.spec.account) && waitsForHold(job, one))
    .map(attemptRef);
}

/** When the first try for some accounts failed, epoch milliseconds; `null` before that. */
export function triedSince({ holds = [] }: CopyJob, accounts: readonly string[]): number | null {
  const times = holds.filter(({ account }) => accounts.includes(account)).map(({ triedAt }) => triedAt);
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.min(...known);
}

/** Names what a job needs of one image, in the index of its users (store/indexes.ts). */
export function holdUser(account: string, jobId: string): string {
  return `${account} ${jobId}`;
}

/** The reverse of {@link holdUser}. */
export function parseHoldUser(member: string): { account: string; jobId: string } {
  const [account = '', jobId = ''] = member.split(' ');
  return { account, jobId };
}

/** What is still shared although no copy needs it. */
export function stillShared(
  { account, region, id }: CopyJob['image'],
  accounts: readonly string[],
  why: string,
): Warning {
  const remove = JSON.stringify({ remove: { accounts } });
  const message = `${id} may still be shared with ${accounts.join(', ')}, for copies that have ended: ${why} Take it back: PATCH /amis/${id}/permissions?account=${account}&region=${region} ${remove}`;
  return { code: 'source-still-shared', message, account, region };
}
