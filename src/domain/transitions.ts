import type { ImageState } from './ami.ts';
import type { Transition } from './apply-transition.ts';
import { changing, fenced, found, mayBeMade } from './apply-transition.ts';
import { sourceOf } from './hubs.ts';
import type { AttemptRef, CopyJob, CopyRef, Destination, Failure, Unseen, Warning } from './job.ts';
import { isFinished, isNotCopying } from './job.ts';
import type { PermissionState } from './permissions.ts';
import { etaSeconds } from './progress.ts';
import { removalRefused, stopAll } from './removal-transitions.ts';
import { anew } from './retry-transitions.ts';
import { withWarnings } from './warnings.ts';

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

/** {@link begin}, and saves the image that is copied: the hub may have another one at the next attempt. */
const beginFrom =
  (ref: AttemptRef): Transition =>
  (job, now) => {
    const one = found(job, ref);
    const source = one === null || one.spec.hub === undefined ? null : sourceOf(job, one);
    if (one?.spec.hub !== undefined && source === null) return null;
    const begun = begin(ref)(job, now);
    if (begun === null || source === null) return begun;
    const started = ({ sources = [] }: Destination) => [
      ...sources.filter((id) => id !== source.imageId),
      source.imageId,
    ];
    return changing(ref.destination, (each) => ({ sources: started(each) }))(begun, now);
  };

/** Begins some destinations in one transition. Those that get no slot or no call wait. */
export const beginOrPark =
  (refs: readonly AttemptRef[], refused: ReadonlySet<string>): Transition =>
  (job, now) => {
    let after: CopyJob | null = null;
    for (const ref of refs)
      after = (refused.has(ref.destination) ? park(ref) : beginFrom(ref))(after ?? job, now) ?? after;
    return after;
  };

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
