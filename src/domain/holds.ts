import type { ImageName } from './ami.ts';
import type { Transition } from './apply-transition.ts';
import { finishing } from './apply-transition.ts';
import { sourceOf } from './hubs.ts';
import type { AttemptRef, CopyJob, Destination, Failure, Hold, Job, Warning } from './job.ts';
import { attemptRef } from './job.ts';
import { fail } from './transitions.ts';
import { withWarnings } from './warnings.ts';

/**
 * A hold is the access to its source that a copy into another account needs until EC2 has made it: launch permission, permission for
 * each snapshot, and a grant for the key (ec2-facts: "Across accounts"). The record of a job has one for each image that it copies
 * (the source of the job, or a copy that others are made of) and each account that was to be given access to it:
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

/** What is due for one image: the accounts that are to be given access, and those from which it is to be taken back. */
export interface DueHolds {
  image: ImageName;
  give: string[];
  release: string[];
}

/** Whether EC2 still reads the source for a destination in another account. */
export function needsHold(job: CopyJob, one: Destination): boolean {
  const source = sourceOf(job, one);
  if (source === null || one.spec.account === source.account || one.stopping !== null) return false;
  return one.state === 'queued' || one.state === 'waiting' || one.state === 'pending';
}

interface Need {
  image: ImageName;
  account: string;
}

/** The access that the destinations of a job need, each once. */
export function needs(job: CopyJob): Need[] {
  const found = new Map<string, Need>();
  for (const one of job.destinations) {
    const image = needsHold(job, one) ? sourceOf(job, one) : null;
    if (image === null) continue;
    const { account } = one.spec;
    found.set(`${nameOf(image)} ${account}`, { image, account });
  }
  return [...found.values()];
}

function nameOf({ account, region, imageId }: ImageName): string {
  return `${account}/${region}/${imageId}`;
}

function isFor(image: ImageName, account: string) {
  return (one: { account: string } & ({ source: ImageName } | { image: ImageName })) =>
    one.account === account && nameOf('source' in one ? one.source : one.image) === nameOf(image);
}

/** What is due for each image. */
export function dueHolds(job: Job): DueHolds[] {
  if (job.kind !== 'copy') return [];
  const { holds = [] } = job;
  const needed = needs(job);
  const due = new Map<string, DueHolds>();
  const of = (image: ImageName) => {
    const known = due.get(nameOf(image)) ?? { image, give: [], release: [] };
    due.set(nameOf(image), known);
    return known;
  };
  for (const { image, account } of needed)
    if (holds.find(isFor(image, account))?.state !== 'held') of(image).give.push(account);
  for (const { source, account, state } of holds)
    if (state !== 'released' && !needed.some(isFor(source, account))) of(source).release.push(account);
  return [...due.values()];
}

/** {@link dueHolds} of one image. */
export function dueHoldsOf(job: Job, image: ImageName): DueHolds {
  return dueHolds(job).find((one) => nameOf(one.image) === nameOf(image)) ?? { image, give: [], release: [] };
}

/** Whether a destination has to wait until its account has access to the source. */
export function waitsForHold(job: CopyJob, destination: Destination): boolean {
  const source = sourceOf(job, destination);
  if (source === null || !needsHold(job, destination)) return false;
  return dueHoldsOf(job, source).give.includes(destination.spec.account);
}

/** Whether copies of the source itself wait for access: the fresh destinations of a job start together, after that. */
export function waitsForSource(job: CopyJob): boolean {
  const { id, account, region } = job.image;
  return dueHoldsOf(job, { imageId: id, account, region }).give.length > 0;
}

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
      const hold = holds[index] ?? { account, source: image, state: 'due' as const, triedAt: null };
      const changes = patch(hold, now);
      if (changes === null) continue;
      changed = true;
      holds.splice(index < 0 ? holds.length : index, index < 0 ? 0 : 1, { ...hold, ...changes });
    }
    return changed ? finishing({ ...job, holds }, now) : null;
  };
}

/** Saves that accounts are about to be given access: from now on it is taken back, if nothing needs it any more. */
export const holdsBegun =
  (image: ImageName, accounts: readonly string[]): Transition =>
  (job, now) => {
    const { give } = dueHoldsOf(job, image);
    if (!accounts.every((account) => give.includes(account))) return null;
    return setting(image, accounts, () => ({ state: 'due' }))(job, now);
  };

/** The accounts have access: their copies may start. @param warnings what may still be missing */
export const holdsGiven =
  (image: ImageName, accounts: readonly string[], warnings: readonly Warning[] = []): Transition =>
  (job, now) => {
    const { give } = dueHoldsOf(job, image);
    const after = setting(image, accounts, ({ account }) =>
      give.includes(account) ? { state: 'held', triedAt: null } : null,
    )(job, now);
    return after === null ? null : { ...after, warnings: withWarnings(after.warnings, warnings) };
  };

/** What the accounts were given is taken back, or other jobs need it. With `warnings` it is left behind. */
export const holdsReleased =
  (image: ImageName, accounts: readonly string[], warnings: readonly Warning[] = []): Transition =>
  (job, now) => {
    const { release } = dueHoldsOf(job, image);
    const after = setting(image, accounts, ({ account }) =>
      release.includes(account) ? { state: 'released', triedAt: null } : null,
    )(job, now);
    return after === null ? null : { ...after, warnings: withWarnings(after.warnings, warnings) };
  };

/** EC2 says that the account of a destination has no access to its source (any more): access is to be given (again). */
export const holdAgain =
  (one: Destination): Transition =>
  (job, now) => {
    const source = sourceOf(job, one);
    if (source === null) return null;
    return setting(source, [one.spec.account], ({ state }) =>
      state === 'held' ? { state: 'due', triedAt: null } : null,
    )(job, now);
  };

/** A try to give or to take back has failed: deadlines count from the first one. */
export const holdsTried = (image: ImageName, accounts: readonly string[]): Transition =>
  setting(image, accounts, ({ triedAt }, now) => (triedAt === null ? { triedAt: now } : null));

/** The accounts can't be given access: the destinations that need it fail. */
export const holdsRefused =
  (image: ImageName, accounts: readonly string[], error: Failure): Transition =>
  (job, now) => {
    let after: CopyJob | null = null;
    for (const ref of refsInNeed(job, image, accounts)) after = fail(ref, error)(after ?? job, now) ?? after;
    return after;
  };

/** The destinations that wait for access of some accounts to an image. */
export function refsInNeed(job: CopyJob, image: ImageName, accounts: readonly string[]): AttemptRef[] {
  return job.destinations
    .filter((one) => {
      const source = sourceOf(job, one);
      const isOf = source !== null && nameOf(source) === nameOf(image);
      return isOf && accounts.includes(one.spec.account) && waitsForHold(job, one);
    })
    .map(attemptRef);
}

/** When the first try for some accounts failed, epoch milliseconds; `null` before that. */
export function triedSince(
  { holds = [] }: CopyJob,
  image: ImageName,
  accounts: readonly string[],
): number | null {
  const times = holds
    .filter((one) => accounts.some((account) => isFor(image, account)(one)))
    .map(({ triedAt }) => triedAt)
    .filter((time) => time !== null);
  return times.length === 0 ? null : Math.min(...times);
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
  { account, region, imageId }: ImageName,
  accounts: readonly string[],
  why: string,
): Warning {
  const remove = JSON.stringify({ remove: { accounts } });
  const message = `${imageId} may still be shared with ${accounts.join(', ')}, for copies that have ended: ${why} Take it back: PATCH /amis/${imageId}/permissions?account=${account}&region=${region} ${remove}`;
  return { code: 'source-still-shared', message, account, region };
}
