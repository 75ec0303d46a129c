import type { Patch, Transition } from './apply-transition.ts';
import { changing, fenced, finishing, mayBeMade } from './apply-transition.ts';
import type { AttemptRef, CopyRef, Destination, Failure, Leftover, StopReason, Warning } from './job.ts';
import { destinationKey } from './job.ts';
import { withWarnings } from './warnings.ts';

/** EC2 refuses to remove a copy that is being taken down. The copy stays, and its job says so. */
export const removalRefused = (ref: CopyRef, error: Failure): Transition =>
  fenced(ref, (one, now) =>
    one.stopping === null
      ? null
      : { state: 'failed', stopping: null, error, etaSeconds: null, unseen: null, finishedAt: now },
  );

/** The change that begins to take a destination down; `null` when there is nothing (more) to stop. */
export function stopping(one: Destination, reason: StopReason, now: number): Patch | null {
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
          // A hub that is not needed any more has done its work.
          state: one.stopping === 'hub-done' ? 'succeeded' : 'cancelled',
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
