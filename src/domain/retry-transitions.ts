import type { Patch, Transition } from './apply-transition.ts';
import { finishing } from './apply-transition.ts';
import { DUE } from './holds.ts';
import { hubOf, isHubUsable } from './hubs.ts';
import type { CopyJob, Destination, Leftover } from './job.ts';
import { destinationKey, isFinished } from './job.ts';
import type { Named } from './removal-transitions.ts';
import { isNamed } from './removal-transitions.ts';

/** Whether {@link retryNamed} retries a destination. */
export const retryable = (one: Destination) =>
  isFinished(one) && (one.state === 'failed' || one.error?.code === 'rolled-back');

/**
 * Queues the failed (and the rolled-back) destinations among the named ones again. Each gets a new attempt and so a new
 * ClientToken. A destination whose copy is complete, or whose account could not be reached, resumes where it failed.
 */
export const retryNamed =
  (named: Named): Transition =>
  (job, now) => {
    const candidates = job.destinations.filter((one) => isNamed(named, one));
    const retried = new Set(candidates.filter(retryable));
    for (const one of retried) {
      const hub = hubToMake(job, one);
      if (hub !== undefined) retried.add(hub);
    }
    // A destination that is still being taken down can't be started again yet.
    if ([...candidates, ...retried].some(({ stopping }) => stopping !== null) || retried.size === 0)
      return null;
    const destinations = job.destinations.map((one) => (retried.has(one) ? again(one, now) : one));
    return finishing(withHolds(job, destinations), now);
  };

/** The hub that has to be made again before a destination can be. One that an earlier retry has started goes on. */
function hubToMake(job: CopyJob, one: Destination): Destination | undefined {
  const hub = hubOf(job, one);
  if (hub === undefined || isHubUsable(hub) || (one.imageId !== null && isResumable(one))) return undefined;
  return isFinished(hub) || hub.stopping !== null ? hub : undefined;
}

/** The named destinations, with the hubs that are retried because those among them need them. */
export function withHubsOf(job: CopyJob, named: Named): Named {
  if (named === null) return null;
  const hubs = job.destinations
    .filter((one) => isNamed(named, one) && retryable(one))
    .flatMap((one) => hubToMake(job, one) ?? []);
  return new Set([...named, ...hubs.map(destinationKey)]);
}

/**
 * Destinations that start again in another account need access to the source again. It is given again even if it is still held: a
 * step that takes it back may be running.
 */
function withHolds(job: CopyJob, destinations: Destination[]): CopyJob {
  const retried = destinations.filter((one, i) => one !== job.destinations[i]);
  const accounts = new Set(retried.map(({ spec }) => spec.account));
  const holds = job.holds?.map((hold) =>
    accounts.has(hold.account) && hold.state !== 'released' ? { ...hold, ...DUE } : hold,
  );
  return { ...job, destinations, ...(holds === undefined ? {} : { holds }) };
}

export const retryFailed = retryNamed(null);

export function again(one: Destination, now: number): Destination {
  if (isResumable(one)) return resumed(one, now);
  return { ...one, ...anew(one, now) };
}

/** The next attempt of a destination. The image of the previous attempt becomes a leftover. */
export function anew(one: Destination, now: number): Patch {
  return { ...UNTOUCHED, attempts: one.attempts + 1, retriedAt: now, leftovers: leftBehind(one, now) };
}

/**
 * Whether the copy is complete and kept, or EC2 could not be asked about it. A destination that was being taken down is never
 * resumed: a paused worker may still deregister its image.
 */
function isResumable(one: Destination): boolean {
  const { state, stoppingAt, imageState, availableAt, error } = one;
  if (one.imageId === null && one.tokenSpent) return false;
  if (state !== 'failed' || typeof stoppingAt === 'number' || imageState === 'deregistered') return false;
  if (error?.code === 'removal-refused' || error?.code === 'copy-disappeared') return false;
  return availableAt !== null || error?.code === 'account-not-reachable';
}

function resumed(one: Destination, now: number): Destination {
  const cleared = { error: null, finishedAt: null, unreachableSince: null, unseen: null };
  if (one.availableAt !== null)
    return { ...one, ...cleared, state: 'available', sharedFrom: null, finishingSince: now };
  return { ...one, ...cleared, state: one.imageId === null ? 'queued' : 'pending' };
}

/**
 * The leftovers for the next attempt: the image of the ended attempt is added, unless it is known to be removed. Leftovers that
 * were given up are tried again.
 */
function leftBehind(one: Destination, now: number): Leftover[] {
  const { state, imageId, attempts: attempt } = one;
  const leftovers = one.leftovers.map((leftover) =>
    leftover.isGivenUp === true ? { ...leftover, isGivenUp: false, since: now } : leftover,
  );
  if (imageId === null || state === 'cancelled') return leftovers;
  return [...leftovers.filter((leftover) => leftover.imageId !== imageId), { imageId, attempt, since: now }];
}

/** The fields of a destination that has not been started. */
export const UNTOUCHED: Omit<Destination, 'spec' | 'attempts'> = {
  state: 'queued',
  imageId: null,
  imageState: null,
  progress: 0,
  etaSeconds: null,
  expectedAt: null,
  encrypted: null,
  kmsKeyId: null,
  tagged: [],
  untagged: [],
  sharedFrom: null,
  given: null,
  supersededBy: null,
  stopping: null,
  stoppingAt: null,
  finishingSince: null,
  unreachableSince: null,
  heldUpAt: null,
  retriedAt: null,
  withoutRoom: 0,
  withoutRoomSince: null,
  unseen: null,
  leftovers: [],
  error: null,
  calledAgain: false,
  tokenSpent: false,
  startedAt: null,
  availableAt: null,
  finishedAt: null,
};
