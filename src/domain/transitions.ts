import type { ImageState } from './ami.ts';
import type { CopyJob, CopyRef, Destination, Failure, Job, StopReason, Leftover, Warning } from './job.ts';
import type { PermissionState } from './permissions.ts';
import type { AttemptRef, Unseen } from './job.ts';
import { destinationKey, isAbout, isFinished, isNotCopying } from './job.ts';
import { etaSeconds } from './progress.ts';
import { withWarnings } from './warnings.ts';

/**
 * Every legal transition of a job, as pure functions from a record to its next one. They return `null` where the transition
 * does not apply (any more): a step that was delivered twice, or woken late, then has nothing to do.
 *
 * A transition is decided on one attempt at one destination and, where it concerns an image, on that image. It does not apply
 * to a record with another attempt or another image: an answer about attempt 1 changes nothing of attempt 2.
 *
 *   queued ──begin──▶ queued with an intent ──accept──▶ pending ──▶ available ──▶ succeeded
 *     │  ▲                 │                              │             │
 *     ▼  └─ retry ─ failed ◀──────────── fail ────────────┴─────────────┘
 *   waiting ──begin──▶ …  (pending ── outOfRoom ──▶ waiting)   stop ──▶ cancelled, at once or after `stopped` where EC2 may have made something
 */
export type Transition = (job: CopyJob, now: number) => CopyJob | null;

/** A transition of copies as a change of any job: it does not apply to other kinds. */
export function onCopy(transition: Transition): (job: Job, now: number) => Job | null {
  return (job, now) => (job.kind === 'copy' ? transition(job, now) : null);
}

type Patch = Partial<Destination>;

/** Applies `patch` to one destination, whatever its attempt. `null` from `patch` means that the transition does not apply. */
function changing(key: string, patch: (destination: Destination, now: number) => Patch | null): Transition {
  return (job, now) => {
    const index = job.destinations.findIndex((one) => destinationKey(one) === key);
    const destination = job.destinations[index];
    if (destination === undefined) return null;
    const changes = patch(destination, now);
    if (changes === null) return null;
    return finishing(
      { ...job, destinations: job.destinations.with(index, { ...destination, ...changes }) },
      now,
    );
  };
}

/**
 * {@link changing}, fenced by the attempt that the transition was decided on. Every transition except {@link unreachable} means
 * that EC2 answered: a wait for the account is over.
 */
function fenced(ref: CopyRef, patch: (destination: Destination, now: number) => Patch | null): Transition {
  return changing(ref.destination, (one, now) => {
    const changes = isAbout(ref, one) ? patch(one, now) : null;
    return changes === null ? null : { ...reachable(one), ...changes };
  });
}

/** Ends a wait for the account. The error that said why it waited goes with it. */
function reachable({ unreachableSince, error }: Destination): Patch {
  const isWaiting = unreachableSince !== null && error?.code === 'account-not-reachable';
  return { unreachableSince: null, ...(isWaiting ? { error: null } : {}) };
}

/** Sets `updatedAt`. Sets `finishedAt` once all destinations are finished, and clears it while one is not. */
function finishing(job: CopyJob, now: number): CopyJob {
  const done = job.destinations.every(isFinished);
  return { ...job, updatedAt: now, finishedAt: done ? (job.finishedAt ?? now) : null };
}

/** Saves the intent to call CopyImage. From then on any worker that reads the record may make the call at any time. */
export const begin = (ref: AttemptRef): Transition =>
  fenced(ref, (one, now) =>
    isNotCopying(one) && one.startedAt === null ? { state: 'queued', startedAt: now } : null,
  );

/** No copy slot or no call is free: the destination waits. EC2 has made nothing, so the intent is removed. */
export const park = (ref: AttemptRef): Transition =>
  fenced(ref, (one) =>
    one.state === 'queued' && one.stopping === null ? { state: 'waiting', startedAt: null } : null,
  );

/** Saves that CopyImage is called again for an intent whose first call was not answered, or not to this worker. */
export const callAgain = (ref: AttemptRef): Transition =>
  fenced(ref, (one) =>
    one.state === 'queued' && one.startedAt !== null && one.stopping === null ? { calledAgain: true } : null,
  );

/**
 * Applies a transition for a refused call, but only where that call was the only one. It does not apply where CopyImage was
 * called again meanwhile.
 */
export const unlessCalledAgain =
  (ref: AttemptRef, transition: Transition): Transition =>
  (job, now) =>
    found(job, ref)?.calledAgain === true ? null : transition(job, now);

/** Begins some destinations in one transition. Those that get no slot or no call wait. */
export const beginOrPark =
  (refs: readonly AttemptRef[], refused: ReadonlySet<string>): Transition =>
  (job, now) => {
    let after: CopyJob | null = null;
    for (const ref of refs)
      after = (refused.has(ref.destination) ? park(ref) : begin(ref))(after ?? job, now) ?? after;
    return after;
  };

/** CopyImage may have been called for this attempt: a worker has saved the intent. */
function mayBeMade({ startedAt, calledAgain }: Destination): boolean {
  return startedAt !== null || calledAgain;
}

/**
 * CopyImage answered with the new image's id, or with that of an earlier call for a destination that now waits. A stopping
 * destination also records the id, so that the image is removed.
 */
export const accept = (ref: AttemptRef, imageId: string): Transition =>
  fenced(ref, (one, now) => {
    const isAwaited = one.state === 'queued' || one.state === 'waiting';
    if (!isAwaited || !mayBeMade(one)) return null;
    const startedAt = one.startedAt ?? now;
    return { state: 'pending', imageId, imageState: 'pending', unseen: null, startedAt };
  });

/** What EC2 reported about a pending copy. */
export interface Observation {
  /** Whole percent, by {@link weightedProgress}. */
  progress: number;
  /** Whole percent, by {@link leastProgress}. */
  least: number;
  encrypted: boolean | null;
  kmsKeyId: string | null;
  /** Snapshots that have the requested tags. */
  tagged: string[];
}

/** Progress never decreases, and stays below 100 until the image is available. */
export const observe = (ref: CopyRef, seen: Observation): Transition =>
  fenced(ref, (one, now) => {
    if (one.state !== 'pending') return null;
    const progress = Math.max(one.progress, Math.min(seen.progress, 99));
    if (progress === one.progress && seen.encrypted === one.encrypted) return null;
    const eta = etaSeconds(seen.least, one.startedAt, now);
    return {
      progress,
      etaSeconds: eta,
      expectedAt: eta === null ? null : now + eta * 1000,
      encrypted: seen.encrypted ?? one.encrypted,
      kmsKeyId: seen.kmsKeyId ?? one.kmsKeyId,
      tagged: seen.tagged,
    };
  });

/** EC2 has completed the copy; the finishing step is left. `untagged` were made without the requested tags. */
export const becomeAvailable = (
  ref: CopyRef,
  seen: Pick<Observation, 'encrypted' | 'kmsKeyId'>,
  untagged: string[],
): Transition =>
  fenced(ref, (one, now) =>
    one.state === 'pending'
      ? {
          state: 'available',
          imageState: 'available',
          progress: 100,
          etaSeconds: 0,
          // EC2 adds encryption and never removes it.
          encrypted: one.encrypted === true || (seen.encrypted ?? one.encrypted),
          kmsKeyId: seen.kmsKeyId ?? one.kmsKeyId,
          tagged: [],
          untagged,
          unseen: null,
          availableAt: now,
          finishingSince: now,
        }
      : null,
  );

/** EC2 shows a pending image again, or again answers calls about it. */
export const reappeared = (ref: CopyRef): Transition =>
  fenced(ref, (one) => (one.unseen || one.unreachableSince ? { unseen: null } : null));

/** Saves the permissions of an available copy before it is shared as requested, so that they can be restored. */
export const beginSharing = (ref: CopyRef, before: PermissionState): Transition =>
  fenced(ref, (one) =>
    one.state === 'available' && one.stopping === null && one.sharedFrom === null
      ? { sharedFrom: before }
      : null,
  );

/** EC2 refuses to remove a copy that is being taken down. The copy stays, and its job says so. */
export const removalRefused = (ref: CopyRef, error: Failure): Transition =>
  fenced(ref, (one, now) =>
    one.stopping === null
      ? null
      : { state: 'failed', stopping: null, error, etaSeconds: null, unseen: null, finishedAt: now },
  );

/**
 * The destination has succeeded.
 * @param warnings what the caller should know nevertheless
 * @param kmsKeyId the copy's key; `null` where it has none, or the key is unknown: then the known value stays
 */
export const succeed = (
  ref: CopyRef,
  warnings: readonly Warning[] = [],
  kmsKeyId: string | null = null,
): Transition => {
  const succeeding = fenced(ref, (one, now) =>
    one.state === 'available' && one.stopping === null
      ? {
          state: 'succeeded',
          kmsKeyId: kmsKeyId ?? one.kmsKeyId,
          etaSeconds: null,
          untagged: [],
          unseen: null,
          finishedAt: now,
        }
      : null,
  );
  return (job, now) => {
    const after = succeeding(job, now);
    return after === null ? null : { ...after, warnings: withWarnings(after.warnings, warnings) };
  };
};

/** Fails one destination for a reason that says nothing about its image: the other destinations of the job stay as they are. */
const NOT_ABOUT_THE_IMAGE: ReadonlySet<Failure['code']> = new Set(['account-not-reachable']);

/** Final for this attempt. With onFailure `deregister` the other destinations are taken down in the same write. */
export const fail =
  (ref: CopyRef, error: Failure, imageState?: ImageState): Transition =>
  (job, now) => {
    const failed = fenced(ref, (one) =>
      isFinished(one) || one.stopping !== null
        ? null
        : {
            state: 'failed',
            error,
            etaSeconds: null,
            unseen: null,
            finishedAt: now,
            imageState: imageState ?? one.imageState,
          },
    )(job, now);
    if (failed === null || job.onFailure === 'keep' || NOT_ABOUT_THE_IMAGE.has(error.code)) return failed;
    return stopAll('rollback')(failed, now) ?? failed;
  };

/**
 * The account refuses the service's credentials. That says nothing about the image, so the step waits, and the destination shows
 * `waiting` as its error. After `limit` milliseconds without a successful call it ends with `error`.
 */
export const unreachable =
  (ref: CopyRef, limit: number, { waiting, error }: { waiting: Failure; error: Failure }): Transition =>
  (job, now) => {
    const one = found(job, ref);
    if (one === null || isFinished(one)) return null;
    const since = one.unreachableSince ?? now;
    if (now - since >= limit) return (one.stopping === null ? fail : removalRefused)(ref, error)(job, now);
    return one.unreachableSince === since
      ? null
      : changing(ref.destination, () => ({ unreachableSince: since, error: one.error ?? waiting }))(job, now);
  };

/**
 * EC2 accepted the copy and then failed it for lack of room: the destination returns to the wait queue, for another attempt.
 * Once this has gone on for `patience` milliseconds, it ends with `error`.
 */
export const outOfRoom =
  (ref: CopyRef, patience: number, error: Failure, imageState: ImageState): Transition =>
  (job, now) => {
    const one = found(job, ref);
    if (one?.state !== 'pending' || one.stopping !== null) return null;
    const since = one.withoutRoomSince ?? now;
    if (now - since >= patience) return fail(ref, error, imageState)(job, now);
    return fenced(ref, () => ({
      ...anew(one, now),
      state: 'waiting',
      withoutRoom: (one.withoutRoom ?? 0) + 1,
      withoutRoomSince: since,
    }))(job, now);
  };

/**
 * Throttling and refused credentials say nothing about a copy: the time that they take does not count towards the deadlines for
 * other errors.
 */
export const heldUp = (ref: CopyRef): Transition =>
  fenced(ref, (one, now) => (isFinished(one) ? null : { heldUpAt: now }));

/** When an image that EC2 does not show counts as gone. Milliseconds. */
export interface Patience {
  /** The time between the first poll that did not find it and the last one. */
  goneMs: number;
  /** The age before which a new image is not counted as gone: EC2 may not know it yet (eventual consistency). */
  lostCopyMs: number;
}

/** The least number of consecutive polls: a single answer may be stale, since it comes from one of EC2's machines. */
const POLLS = 3;

export function isGone({ polls, since }: Unseen, now: number, { goneMs }: Pick<Patience, 'goneMs'>): boolean {
  return polls >= POLLS && now - since >= goneMs;
}

export function unseenAgain(before: Unseen | null | undefined, now: number): Unseen {
  return { since: before?.since ?? now, polls: (before?.polls ?? 0) + 1 };
}

/** One more poll did not find the image of an attempt. Once the image counts as gone, `end` applies. */
export const notFound =
  (ref: CopyRef, patience: Patience, end: Transition): Transition =>
  (job, now) => {
    const one = found(job, ref);
    if (one === null || isFinished(one)) return null;
    const unseen = unseenAgain(one.unseen, now);
    // Without an image id the time counts from the stop, because a call may have been made until then.
    const from = (one.imageId === null ? one.stoppingAt : null) ?? one.startedAt ?? now;
    const old = now - from >= patience.lostCopyMs;
    if (old && isGone(unseen, now, patience)) return end(job, now);
    return fenced(ref, () => ({ unseen }))(job, now);
  };

function found(job: CopyJob, ref: CopyRef): Destination | null {
  const one = job.destinations.find((each) => destinationKey(each) === ref.destination);
  return one === undefined || !isAbout(ref, one) ? null : one;
}

/** The change that begins to take a destination down; `null` when there is nothing (more) to stop. */
function stopping(one: Destination, reason: StopReason, now: number): Patch | null {
  if (one.stopping !== null || one.state === 'cancelled' || one.state === 'failed') return null;
  if (one.state === 'succeeded' && reason === 'cancel') return null;
  const error = reason === 'rollback' ? ROLLED_BACK : null;
  // Where the intent was saved, CopyImage may have been called: a worker has to check for an image.
  if (!mayBeMade(one)) return { state: 'cancelled', error, etaSeconds: null, finishedAt: now };
  const since = { stoppingAt: now, unreachableSince: null, unseen: null, startedAt: one.startedAt ?? now };
  const state = one.state === 'waiting' ? 'queued' : one.state;
  return { state, stopping: reason, error, etaSeconds: null, finishedAt: null, ...since };
}

const ROLLED_BACK: Failure = {
  code: 'rolled-back',
  message:
    'Another destination failed and the request says "onFailure": "deregister", so this copy and its snapshots were removed. POST …/retry copies it again together with the failed one.',
  retryable: true,
  awsCode: null,
  awsRequestId: null,
};

/** The destinations that a request names by their keys; `null`: all of them. */
export type Named = ReadonlySet<string> | null;

export function isNamed(named: Named, one: Destination): boolean {
  return named === null || named.has(destinationKey(one));
}

/** Stops the named destinations: `cancel` only those that are not finished, `rollback` the finished ones too. */
export const stopAll =
  (reason: StopReason, named: Named = null): Transition =>
  (job, now) => {
    let changed = false;
    const destinations = job.destinations.map((one) => {
      const patch = isNamed(named, one) ? stopping(one, reason, now) : null;
      changed ||= patch !== null;
      return patch === null ? one : { ...one, ...patch };
    });
    return changed ? finishing({ ...job, destinations }, now) : null;
  };

/** EC2 accepted the deregistration of a stopping destination's image; its snapshots may still exist. */
export const deregistered = (ref: CopyRef): Transition =>
  fenced(ref, (one) =>
    one.stopping === null || one.imageState === 'deregistered' ? null : { imageState: 'deregistered' },
  );

/** All that a stopping destination made, or may have made, is gone from EC2. */
export const stopped = (ref: CopyRef): Transition =>
  fenced(ref, (one, now) =>
    one.stopping === null
      ? null
      : {
          state: 'cancelled',
          stopping: null,
          imageState: one.imageId === null ? null : 'deregistered',
          unseen: null,
          finishedAt: now,
        },
  );

/** An attempt made an image that its record does not hold: the image becomes a leftover, to be removed. */
export const addLeftover = ({
  destination,
  attempt,
  imageId,
}: AttemptRef & { imageId: string }): Transition =>
  changing(destination, (one, now) => {
    const { leftovers } = one;
    const known = one.imageId === imageId || leftovers.some((leftover) => leftover.imageId === imageId);
    if (known) return null;
    const tokenSpent = one.tokenSpent || attempt === one.attempts;
    return { leftovers: [...leftovers, { imageId, attempt, since: now }], tokenSpent };
  });

/** Changes what is known of a leftover; `null` from `patch` means that it is gone. */
export const changeLeftover =
  (
    key: string,
    imageId: string,
    patch: (leftover: Leftover, now: number) => Leftover | null,
    warning?: Warning,
  ): Transition =>
  (job, now) => {
    const after = changing(key, (one) => {
      const { leftovers } = one;
      if (!leftovers.some((leftover) => leftover.imageId === imageId)) return null;
      return {
        leftovers: leftovers.flatMap((leftover) =>
          leftover.imageId === imageId ? (patch(leftover, now) ?? []) : leftover,
        ),
      };
    })(job, now);
    return after === null || warning === undefined
      ? after
      : { ...after, warnings: withWarnings(after.warnings, [warning]) };
  };

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
    // A destination that is still being taken down can't be started again yet.
    if (candidates.some(({ stopping }) => stopping !== null) || !candidates.some(retryable)) return null;
    const destinations = job.destinations.map((one) =>
      isNamed(named, one) && retryable(one) ? again(one, now) : one,
    );
    return finishing(withHolds(job, destinations), now);
  };

/**
 * Destinations that start again in another account need access to the source again. It is given again even if it is still held: a
 * step that takes it back may be running.
 */
function withHolds(job: CopyJob, destinations: Destination[]): CopyJob {
  const retried = destinations.filter((one, i) => one !== job.destinations[i]);
  const accounts = new Set(retried.map(({ spec }) => spec.account));
  const holds = job.holds?.map((hold) =>
    accounts.has(hold.account) ? { ...hold, state: 'due' as const, triedAt: null } : hold,
  );
  return { ...job, destinations, ...(holds === undefined ? {} : { holds }) };
}

export const retryFailed = retryNamed(null);

function again(one: Destination, now: number): Destination {
  if (isResumable(one)) return resumed(one, now);
  return { ...one, ...anew(one, now) };
}

/** The next attempt of a destination. The image of the previous attempt becomes a leftover. */
function anew(one: Destination, now: number): Patch {
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
