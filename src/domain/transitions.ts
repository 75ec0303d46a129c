import type { ImageState } from './ami.ts';
import type { CopyJob, Destination, Failure, Job, StopReason, Warning } from './job.ts';
import type { PermissionState } from './permissions.ts';
import { destinationKey, isFinished, isNotCopying } from './job.ts';
import { etaSeconds } from './progress.ts';

/**
 * Every legal move of a job, as pure functions from a record to its next one. They return `null` where the move
 * does not apply (any more): a step that was delivered twice, or woke up late, then simply has nothing to do.
 *
 *   queued ──begin──▶ queued with an intent ──accept──▶ pending ──▶ available ──▶ succeeded
 *     │  ▲                 │                              │             │
 *     ▼  └─ retry ─ failed ◀──────────── fail ────────────┴─────────────┘
 *   waiting ──begin──▶ …          stop ──▶ cancelled, at once or after `stopped` where EC2 may have made something
 */
export type Move = (job: CopyJob, now: number) => CopyJob | null;

/** A move as a change of whatever job it meets: none of any other kind. */
export function onCopy(move: Move): (job: Job, now: number) => Job | null {
  return (job, now) => (job.kind === 'copy' ? move(job, now) : null);
}

type Patch = Partial<Destination>;

/** Applies `patch` to one destination; `null` from it means that the move does not apply. */
function moving(key: string, patch: (destination: Destination, now: number) => Patch | null): Move {
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

/** Sets `updatedAt`, and `finishedAt` as soon as, and only while, every destination is finished. */
function finishing(job: CopyJob, now: number): CopyJob {
  const done = job.destinations.every(isFinished);
  return { ...job, updatedAt: now, finishedAt: done ? (job.finishedAt ?? now) : null };
}

/** Saves the intent to call CopyImage. Once saved, the call may be made at any time, by anyone who read it. */
export const begin = (key: string): Move =>
  moving(key, (one, now) =>
    isNotCopying(one) && one.startedAt === null ? { state: 'queued', startedAt: now } : null,
  );

/** No copy slot or no call is free: stand in line. EC2 has made nothing, so the intent goes. */
export const park = (key: string): Move =>
  moving(key, (one) =>
    one.state === 'queued' && one.stopping === null ? { state: 'waiting', startedAt: null } : null,
  );

/** Begins some destinations in one move; those that are refused a slot or a call stand in line. */
export const beginOrPark =
  (keys: readonly string[], refused: ReadonlySet<string>): Move =>
  (job, now) => {
    let after: CopyJob | null = null;
    for (const key of keys) after = (refused.has(key) ? park(key) : begin(key))(after ?? job, now) ?? after;
    return after;
  };

/** CopyImage answered with the new image's id. A stopping destination keeps it too, to be removed. */
export const accept = (key: string, imageId: string): Move =>
  moving(key, (one) =>
    one.state === 'queued' && one.startedAt !== null
      ? { state: 'pending', imageId, imageState: 'pending' }
      : null,
  );

/** What EC2 told of a pending copy. */
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
export const observe = (key: string, seen: Observation): Move =>
  moving(key, (one, now) => {
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
  key: string,
  seen: Pick<Observation, 'encrypted' | 'kmsKeyId'>,
  untagged: string[],
): Move =>
  moving(key, (one, now) =>
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
          availableAt: now,
        }
      : null,
  );

/** Saves what an available copy's permissions were before it is shared as asked, so that it can be put back. */
export const beginSharing = (key: string, before: PermissionState): Move =>
  moving(key, (one) =>
    one.state === 'available' && one.stopping === null && one.sharedFrom === null
      ? { sharedFrom: before }
      : null,
  );

/** EC2 won't have a copy removed that is being taken down: it stays, and its job says so. */
export const removalRefused = (key: string, error: Failure): Move =>
  moving(key, (one, now) =>
    one.stopping === null
      ? null
      : { state: 'failed', stopping: null, error, etaSeconds: null, finishedAt: now },
  );

/** Nothing is left to do; `warnings` is what the one who asked should know all the same. */
export const succeed = (key: string, warnings: readonly Warning[] = []): Move => {
  const succeeding = moving(key, (one, now) =>
    one.state === 'available' && one.stopping === null
      ? { state: 'succeeded', etaSeconds: null, untagged: [], finishedAt: now }
      : null,
  );
  return (job, now) => {
    const after = succeeding(job, now);
    return after === null ? null : { ...after, warnings: [...after.warnings, ...warnings] };
  };
};

/** Final for this attempt. With onFailure `deregister` the others are taken down in the same write. */
export const fail =
  (key: string, error: Failure, imageState?: ImageState): Move =>
  (job, now) => {
    const failed = moving(key, (one) =>
      isFinished(one) || one.stopping !== null
        ? null
        : {
            state: 'failed',
            error,
            etaSeconds: null,
            finishedAt: now,
            imageState: imageState ?? one.imageState,
          },
    )(job, now);
    if (failed === null || job.onFailure === 'keep') return failed;
    return stopAll('rollback')(failed, now) ?? failed;
  };

/** One destination on its way down: `null` when there is nothing (more) to stop. */
function stopping(one: Destination, reason: StopReason, now: number): Patch | null {
  if (one.stopping !== null || one.state === 'cancelled' || one.state === 'failed') return null;
  if (one.state === 'succeeded' && reason === 'cancel') return null;
  const error = reason === 'rollback' ? ROLLED_BACK : null;
  // Where the intent was saved CopyImage may have been called, so a worker has to make sure.
  if (one.startedAt === null) return { state: 'cancelled', error, etaSeconds: null, finishedAt: now };
  return { stopping: reason, error, etaSeconds: null, finishedAt: null };
}

const ROLLED_BACK: Failure = {
  code: 'rolled-back',
  message:
    'Another destination failed and the request says "onFailure": "deregister", so this copy and its snapshots were removed. POST …/retry copies it again together with the failed one.',
  retryable: true,
  awsCode: null,
  awsRequestId: null,
};

/** Stops every destination that can be: `cancel` spares the finished ones, `rollback` takes them down too. */
export const stopAll =
  (reason: StopReason): Move =>
  (job, now) => {
    let changed = false;
    const destinations = job.destinations.map((one) => {
      const patch = stopping(one, reason, now);
      changed ||= patch !== null;
      return patch === null ? one : { ...one, ...patch };
    });
    return changed ? finishing({ ...job, destinations }, now) : null;
  };

/** EC2 took the deregistration of a stopping destination's image; its snapshots may still be there. */
export const deregistered = (key: string): Move =>
  moving(key, (one) =>
    one.stopping === null || one.imageState === 'deregistered' ? null : { imageState: 'deregistered' },
  );

/** What a stopping destination had made, or may have made, is gone from EC2. */
export const stopped = (key: string): Move =>
  moving(key, (one, now) =>
    one.stopping === null
      ? null
      : {
          state: 'cancelled',
          stopping: null,
          imageState: one.imageId === null ? null : 'deregistered',
          finishedAt: now,
        },
  );

/** Whether {@link retryFailed} takes a destination up again. */
export const retryable = (one: Destination) =>
  isFinished(one) && (one.state === 'failed' || one.error?.code === 'rolled-back');

/**
 * Queues the failed (and the rolled-back) destinations again, each with a new attempt and so a new ClientToken. One
 * whose copy is complete takes up where it failed.
 */
export const retryFailed: Move = (job, now) => {
  // What is still being taken down can't be started again yet.
  if (job.destinations.some(({ stopping }) => stopping !== null) || !job.destinations.some(retryable))
    return null;
  const destinations = job.destinations.map((one) => (retryable(one) ? again(one) : one));
  return finishing({ ...job, destinations }, now);
};

function again(one: Destination): Destination {
  // The copy itself is complete and kept: only what came after it is done again.
  if (one.state === 'failed' && one.availableAt !== null) {
    return { ...one, state: 'available', sharedFrom: null, error: null, finishedAt: null };
  }
  return { ...one, ...UNTOUCHED, attempts: one.attempts + 1 };
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
  stopping: null,
  error: null,
  startedAt: null,
  availableAt: null,
  finishedAt: null,
};
