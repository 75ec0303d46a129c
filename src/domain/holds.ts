import type { ImageName } from './ami.ts';
import { sourceOf } from './hubs.ts';
import type { CopyJob, Destination, Hold, HoldTries, Job, Warning } from './job.ts';
import { isNotCopying } from './job.ts';

/**
 * A hold is the access to its source that a copy into another account needs until EC2 has made it: launch permission, permission for
 * each snapshot, and a grant for the key (ec2-facts: "Across accounts"). The record of a job has one for each image that it copies
 * (the source of the job, or a copy that others are made of) and each account that needs, or needed, access to it:
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

export function nameOf({ account, region, imageId }: ImageName): string {
  return `${account}/${region}/${imageId}`;
}

export function isFor(image: ImageName, account: string) {
  return (one: { account: string } & ({ source: ImageName } | { image: ImageName })) =>
    one.account === account && nameOf('source' in one ? one.source : one.image) === nameOf(image);
}

/**
 * The holds of a job, with those that its destinations have come to need. They are `due` from the write that makes them needed: until that
 * job releases them, access that an earlier job gave stays, so that its end has to be followed by a release too.
 */
export function withNeeded(job: CopyJob): CopyJob {
  const holds = [...(job.holds ?? [])];
  let changed = false;
  for (const { image, account } of needs(job)) {
    const index = holds.findIndex(isFor(image, account));
    if (index >= 0 && holds[index]?.state !== 'released') continue;
    changed = true;
    holds.splice(index < 0 ? holds.length : index, 1, { account, source: image, ...DUE });
  }
  return changed ? { ...job, holds } : job;
}

export const DUE = { state: 'due', tries: null } as const satisfies Partial<Hold>;

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

/** Whether a hub that is to be removed has to wait until the access to it is taken back: after that EC2 no longer shows it. */
export function waitsForRelease(job: CopyJob, { stopping, imageId, spec }: Destination): boolean {
  if (stopping === null || imageId === null) return false;
  const { account, region } = spec;
  return dueHoldsOf(job, { imageId, account, region }).release.length > 0;
}

/** Whether copies of the source itself wait for access: the fresh destinations of a job start together, after that. */
export function waitsForSource(job: CopyJob): boolean {
  const { id, account, region } = job.image;
  return dueHoldsOf(job, { imageId: id, account, region }).give.length > 0;
}

/** The destinations that wait for access of some accounts to an image, and that EC2 is not copying yet. */
export function waitingFor(job: CopyJob, image: ImageName, accounts: readonly string[]): Destination[] {
  return job.destinations.filter((one) => {
    const source = sourceOf(job, one);
    const isOf = source !== null && nameOf(source) === nameOf(image);
    return isOf && accounts.includes(one.spec.account) && isNotCopying(one) && waitsForHold(job, one);
  });
}

/** The tries to give some accounts access, or to take it back, that have failed: from the first on. `null` before that. */
export function triesOf(
  { holds = [] }: CopyJob,
  image: ImageName,
  accounts: readonly string[],
  to: HoldTries['to'],
): HoldTries | null {
  const all = holds
    .filter((one) => accounts.some((account) => isFor(image, account)(one)))
    .flatMap(({ tries }) => (tries?.to === to ? [tries] : []));
  const [first, ...rest] = all.toSorted((one, other) => one.since - other.since);
  if (first === undefined) return null;
  const heldUp = [first, ...rest].flatMap(({ heldUpAt }) => heldUpAt ?? []);
  return { ...first, heldUpAt: heldUp.length === 0 ? null : Math.max(...heldUp) };
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
  const message = `the access of ${accounts.join(', ')} to ${imageId} could not be taken back after their copies had ended: ${why} Remove it: PATCH /amis/${imageId}/permissions?account=${account}&region=${region} ${remove}`;
  return { code: 'source-still-shared', message, account, region };
}
