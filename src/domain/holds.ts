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

/** The access that a destination needs. */
type Need = Pick<Hold, 'source' | 'account'>;

/** The access that the destinations of a job need, each once. */
export function needs(job: CopyJob): Need[] {
  return [...needsByName(job).values()];
}

function needsByName(job: CopyJob): Map<string, Need> {
  const found = new Map<string, Need>();
  for (const one of job.destinations) {
    const source = needsHold(job, one) ? sourceOf(job, one) : null;
    if (source === null) continue;
    const need = { account: one.spec.account, source };
    found.set(needName(need), need);
  }
  return found;
}

function nameOf({ account, region, imageId }: ImageName): string {
  return `${account}/${region}/${imageId}`;
}

function needName({ account, source }: Need): string {
  return `${nameOf(source)} ${account}`;
}

export function isFor(source: ImageName, account: string): (one: Need) => boolean {
  const name = needName({ source, account });
  return (one) => needName(one) === name;
}

/**
 * The holds of a job, with those that its destinations have come to need. They are `due` from the write that makes them needed: until that
 * job releases them, access that an earlier job gave stays, so that its end has to be followed by a release too.
 */
export function withNeeded(job: CopyJob): CopyJob {
  const holds = new Map((job.holds ?? []).map((hold) => [needName(hold), hold]));
  const missing = [...needsByName(job)].filter(
    ([name]) => (holds.get(name)?.state ?? 'released') === 'released',
  );
  if (missing.length === 0) return job;
  for (const [name, need] of missing) holds.set(name, { ...need, ...DUE });
  return { ...job, holds: [...holds.values()] };
}

export const DUE = { state: 'due', tries: null } as const satisfies Partial<Hold>;

/** What is due for each image. */
export function dueHolds(job: Job): DueHolds[] {
  if (job.kind !== 'copy') return [];
  const needed = needsByName(job);
  const due = new Map<string, DueHolds>();
  for (const hold of withNeeded(job).holds ?? []) {
    const isNeeded = needed.has(needName(hold));
    if (hold.state === (isNeeded ? 'held' : 'released')) continue;
    const name = nameOf(hold.source);
    const one = due.get(name) ?? { image: hold.source, give: [], release: [] };
    due.set(name, one);
    one[isNeeded ? 'give' : 'release'].push(hold.account);
  }
  return [...due.values()];
}

/** {@link dueHolds} of one image. */
export function dueHoldsOf(job: Job, image: ImageName): DueHolds {
  return dueHolds(job).find((one) => nameOf(one.image) === nameOf(image)) ?? { image, give: [], release: [] };
}

/** What the destinations of a job wait for. */
export interface HoldWaits {
  /** Access of its account to its source. */
  forHold(one: Destination): boolean;
  /** For a hub that is to be removed: that the access to it is taken back. EC2 no longer shows it after its removal. */
  forRelease(one: Destination): boolean;
}

/** Computed once for all destinations of a job, of which there may be a hundred. */
export function holdWaits(job: CopyJob): HoldWaits {
  const due = dueHolds(job);
  const given = due.flatMap(({ image, give }) => give.map((account) => needName({ source: image, account })));
  const toGive = new Set(given);
  const toRelease = new Set(
    due.filter(({ release }) => release.length > 0).map(({ image }) => nameOf(image)),
  );
  return {
    forHold: (one) => {
      const source = needsHold(job, one) ? sourceOf(job, one) : null;
      return source !== null && toGive.has(needName({ source, account: one.spec.account }));
    },
    forRelease: ({ stopping, imageId, spec: { account, region } }) =>
      stopping !== null && imageId !== null && toRelease.has(nameOf({ account, region, imageId })),
  };
}

/** Whether copies of the source itself wait for access: the fresh destinations of a job start together, after that. */
export function waitsForSource(job: CopyJob): boolean {
  const { id, account, region } = job.image;
  return dueHoldsOf(job, { imageId: id, account, region }).give.length > 0;
}

/** The destinations that wait for access of some accounts to an image, and that EC2 is not copying yet. */
export function waitingFor(job: CopyJob, image: ImageName, accounts: readonly string[]): Destination[] {
  const waits = holdWaits(job);
  return job.destinations.filter((one) => {
    const source = sourceOf(job, one);
    const isOf = source !== null && nameOf(source) === nameOf(image);
    return isOf && accounts.includes(one.spec.account) && isNotCopying(one) && waits.forHold(one);
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
