import type { ImageState } from './ami.ts';
import type { CopyJob, CopyRef, Destination, Failure, Job, StopReason, Leftover, Warning } from './job.ts';
import type { PermissionState } from './permissions.ts';
import type { AttemptRef, Unseen } from './job.ts';
import { destinationKey, isAbout, isFinished, isNotCopying } from './job.ts';
import { etaSeconds } from './progress.ts';
import { withWarnings } from './warnings.ts';

/**
 * Every legal transition of a job, as pure functions from a record to its next one. They return `null` where the transition
 * does not apply (any more): a step that was delivered twice, or woke up late, then simply has nothing to do.
 *
 * A transition is decided on one attempt at one destination, and where an image is concerned on that image. It does not apply
 * to a record that is at another attempt or has another image: an answer about attempt 1 changes nothing of attempt 2.
 *
 *   queued ──begin──▶ queued with an intent ──accept──▶ pending ──▶ available ──▶ succeeded
 *     │  ▲                 │                              │             │
 *     ▼  └─ retry ─ failed ◀──────────── fail ────────────┴─────────────┘
 *   waiting ──begin──▶ …  (pending ── outOfRoom ──▶ waiting)   stop ──▶ cancelled, at once or after `stopped` where EC2 may have made something
 */
export type Transition = (job: CopyJob, now: number) => CopyJob | null;

/** A transition as a change of whatever job it meets: none of any other kind. */
export function onCopy(transition: Transition): (job: Job, now: number) => Job | null {
  return (job, now) => (job.kind === 'copy' ? transition(job, now) : null);
}

type Patch = Partial<Destination>;

/** Applies `patch` to one destination, whatever its attempt; `null` from it means that the transition does not apply. */
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

/** {@link changing}, fenced by what the transition was decided on. Any transition but {@link unreachable} means that EC2 answered. */
function fenced(ref: CopyRef, patch: (destination: Destination, now: number) => Patch | null): Transition {
  return changing(ref.destination, (one, now) => {
    const changes = isAbout(ref, one) ? patch(one, now) : null;
    return changes === null ? null : { unreachableSince: null, ...changes };
  });
}

/** Sets `updatedAt`, and `finishedAt` as soon as, and only while, every destination is finished. */
function finishing(job: CopyJob, now: number): CopyJob {
  const done = job.destinations.every(isFinished);
  return { ...job, updatedAt: now, finishedAt: done ? (job.finishedAt ?? now) : null };
}

/** Saves the intent to call CopyImage. Once saved, the call may be made at any time, by anyone who read it. */
export const begin = (ref: AttemptRef): Transition =>
  fenced(ref, (one, now) =>
    isNotCopying(one) && one.startedAt === null ? { state: 'queued', startedAt: now } : null,
  );

/** No copy slot or no call is free: wait. EC2 has made nothing, so the intent goes. */
export const park = (ref: AttemptRef): Transition =>
  fenced(ref, (one) =>
    one.state === 'queued' && one.stopping === null ? { state: 'waiting', startedAt: null } : null,
  );

/** Saves that CopyImage is called again for an intent whose first call has not been answered, or not here. */
export const callAgain = (ref: AttemptRef): Transition =>
  fenced(ref, (one) =>
    one.state === 'queued' && one.startedAt !== null && one.stopping === null ? { calledAgain: true } : null,
  );

/** A transition that a refusal of the only call allows: it does not apply where CopyImage was called again meanwhile. */
export const unlessCalledAgain =
  (ref: AttemptRef, transition: Transition): Transition =>
  (job, now) =>
    found(job, ref)?.calledAgain === true ? null : transition(job, now);

/** Begins some destinations in one transition; those that are refused a slot or a call wait. */
export const beginOrPark =
  (refs: readonly AttemptRef[], refused: ReadonlySet<string>): Transition =>
  (job, now) => {
    let after: CopyJob | null = null;
    for (const ref of refs)
      after = (refused.has(ref.destination) ? park(ref) : begin(ref))(after ?? job, now) ?? after;
    return after;
  };

/** CopyImage may have been called for this attempt: a worker saved that it was about to. */
function mayBeMade({ startedAt, calledAgain }: Destination): boolean {
  return startedAt !== null || calledAgain;
}

/**
 * CopyImage answered with the new image's id, or that of an earlier call for one that waits by now. A stopping
 * destination keeps it too, to be removed.
 */
export const accept = (ref: AttemptRef, imageId: string): Transition =>
  fenced(ref, (one, now) => {
    const isAwaited = one.state === 'queued' || one.state === 'waiting';
    if (!isAwaited || !mayBeMade(one)) return null;
    const startedAt = one.startedAt ?? now;
    return { state: 'pending', imageId, imageState: 'pending', unseen: null, startedAt };
  });

/** What EC2 reported a pending copy. */
export interface Observation {
  /** Whole percent, by {@link weightedProgress}. */
  progress: number;
  /** Whole percent, by {@link leastProgress}. */
  least: number;
  encrypted: boolean | null;
  kmsKeyId: string | null;
  /** Snapshots that have the tags asked for. */
  tagged: string[];
}

/** Progress never falls back, and stays under 100 until the image is available. */
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

/** EC2 finished the copy; what is left is to finish it. `untagged` came without the tags that were asked for. */
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

/** EC2 shows a pending image again, or answers about it again. */
export const reappeared = (ref: CopyRef): Transition =>
  fenced(ref, (one) => (one.unseen || one.unreachableSince ? { unseen: null } : null));

/** Saves what an available copy's permissions were before it is shared as asked, so that it can be put back. */
export const beginSharing = (ref: CopyRef, before: PermissionState): Transition =>
  fenced(ref, (one) =>
    one.state === 'available' && one.stopping === null && one.sharedFrom === null
      ? { sharedFrom: before }
      : null,
  );

/** EC2 does not let a copy be removed that is being taken down: it stays, and its job says so. */
export const removalRefused = (ref: CopyRef, error: Failure): Transition =>
  fenced(ref, (one, now) =>
    one.stopping === null
      ? null
      : { state: 'failed', stopping: null, error, etaSeconds: null, unseen: null, finishedAt: now },
  );

/**
 * Nothing is left to do.
 * @param warnings what the caller should know all the same
 * @param kmsKeyId the copy's key; `null` where it has none, or it is not known: then what was known stays
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

/** No fact about an image: the other destinations of the job stay as they are. */
const NOT_ABOUT_THE_IMAGE: ReadonlySet<Failure['code']> = new Set(['account-not-reachable']);

/** Final for this attempt. With onFailure `deregister` the others are taken down in the same write. */
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
 * The account does not take the service's credentials. That is no fact about the image: the step waits, and only after
 * `limit` milliseconds without a call that got through it ends with `error`.
 */
export const unreachable =
  (ref: CopyRef, limit: number, error: Failure): Transition =>
  (job, now) => {
    const one = found(job, ref);
    if (one === null || isFinished(one)) return null;
    const since = one.unreachableSince ?? now;
    if (now - since >= limit) return (one.stopping === null ? fail : removalRefused)(ref, error)(job, now);
    return one.unreachableSince === since
      ? null
      : changing(ref.destination, () => ({ unreachableSince: since }))(job, now);
  };

/**
 * EC2 accepted the copy and then failed it for lack of room: the destination returns to the wait queue, for another attempt.
 * After `patience` milliseconds of that it ends with `error`.
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

/** What held a copy up says nothing about it (throttling, credentials): that time does not count for other errors. */
export const heldUp = (ref: CopyRef): Transition =>
  fenced(ref, (one, now) => (isFinished(one) ? null : { heldUpAt: now }));

/** How much it takes until an image that EC2 does not show counts as gone. Milliseconds. */
export interface Patience {
  /** Between the first poll that did not find it and the last one. */
  goneMs: number;
  /** For a new image: EC2 may not know it yet (eventual consistency). */
  lostCopyMs: number;
}

/** One stale answer, from one machine of EC2, is not the end: so many polls in a row at least. */
const POLLS = 3;

export function isGone({ polls, since }: Unseen, now: number, { goneMs }: Pick<Patience, 'goneMs'>): boolean {
  return polls >= POLLS && now - since >= goneMs;
}

export function unseenAgain(before: Unseen | null | undefined, now: number): Unseen {
  return { since: before?.since ?? now, polls: (before?.polls ?? 0) + 1 };
}

/** One more poll that did not find the image of an attempt. Once that is certain, `end` applies. */
export const notFound =
  (ref: CopyRef, patience: Patience, end: Transition): Transition =>
  (job, now) => {
    const one = found(job, ref);
    if (one === null || isFinished(one)) return null;
    const unseen = unseenAgain(one.unseen, now);
    // Without an image's id all that tells is that nothing turned up since: a call may have been made until then.
    const from = (one.imageId === null ? one.stoppingAt : null) ?? one.startedAt ?? now;
    const old = now - from >= patience.lostCopyMs;
    if (old && isGone(unseen, now, patience)) return end(job, now);
    return fenced(ref, () => ({ unseen }))(job, now);
  };

function found(job: CopyJob, ref: CopyRef): Destination | null {
  const one = job.destinations.find((each) => destinationKey(each) === ref.destination);
  return one === undefined || !isAbout(ref, one) ? null : one;
}

/** One destination on its way down: `null` when there is nothing (more) to stop. */
function stopping(one: Destination, reason: StopReason, now: number): Patch | null {
  if (one.stopping !== null || one.state === 'cancelled' || one.state === 'failed') return null;
  if (one.state === 'succeeded' && reason === 'cancel') return null;
  const error = reason === 'rollback' ? ROLLED_BACK : null;
  // Where the intent was saved CopyImage may have been called, so a worker has to make sure.
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

/** Stops every named destination that can be: `cancel` spares the finished ones, `rollback` takes them down too. */
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

/** EC2 took the deregistration of a stopping destination's image; its snapshots may still be there. */
export const deregistered = (ref: CopyRef): Transition =>
  fenced(ref, (one) =>
    one.stopping === null || one.imageState === 'deregistered' ? null : { imageState: 'deregistered' },
  );

/** What a stopping destination had made, or may have made, is gone from EC2. */
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

/** An attempt made an image that its record does not hold: it is to be removed. */
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

/** Changes what is known of a leftover; `null` from `patch`: it is gone. */
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

/** Whether {@link retryNamed} takes a destination up again. */
export const retryable = (one: Destination) =>
  isFinished(one) && (one.state === 'failed' || one.error?.code === 'rolled-back');

/**
 * Queues the failed (and the rolled-back) destinations among the named ones again, each with a new attempt and so a new
 * ClientToken. One whose copy is complete, or was only out of reach, resumes where it failed.
 */
export const retryNamed =
  (named: Named): Transition =>
  (job, now) => {
    const candidates = job.destinations.filter((one) => isNamed(named, one));
    // What is still being taken down can't be started again yet.
    if (candidates.some(({ stopping }) => stopping !== null) || !candidates.some(retryable)) return null;
    const destinations = job.destinations.map((one) =>
      isNamed(named, one) && retryable(one) ? again(one, now) : one,
    );
    return finishing({ ...job, destinations }, now);
  };

export const retryFailed = retryNamed(null);

function again(one: Destination, now: number): Destination {
  if (isResumable(one)) return resumed(one, now);
  return { ...one, ...anew(one, now) };
}

/** The next attempt of a destination; what the one before left is to be removed. */
function anew(one: Destination, now: number): Patch {
  return { ...UNTOUCHED, attempts: one.attempts + 1, retriedAt: now, leftovers: leftBehind(one, now) };
}

/**
 * The copy is complete and kept, or EC2 could not be asked about it. One that was being taken down is never resumed: a
 * worker that was paused may still deregister its image.
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

/** The image of an attempt that is over, unless it is known to be removed, joins what is to be removed. What was given up is tried again. */
function leftBehind(one: Destination, now: number): Leftover[] {
  const { state, imageId, attempts: attempt } = one;
  const leftovers = one.leftovers.map((leftover) =>
    leftover.isGivenUp === true ? { ...leftover, isGivenUp: false, since: now } : leftover,
  );
  if (imageId === null || state === 'cancelled') return leftovers;
  return [...leftovers.filter((leftover) => leftover.imageId !== imageId), { imageId, attempt, since: now }];
}

/** A destination to which nothing has happened yet. */
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
