import type { Given } from './given.ts';
import { NOTHING_GIVEN, plusGiven } from './given.ts';
import type { Destination, Failure, Job, PermissionsJob, Warning } from './job.ts';
import { destinationKey } from './job.ts';
import type { PermissionState } from './permissions.ts';
import { isGone, unseenAgain } from './transitions.ts';
import { withWarnings } from './warnings.ts';

/**
 * Every legal transition of a change of permissions: queued → running → succeeded | failed | cancelled.
 * Like the transitions of a copy (transitions.ts) they are pure, and give `null` where they do not apply (any more).
 */
type Patch = Partial<PermissionsJob> | null;

function changing(patch: (job: PermissionsJob, now: number) => Patch): (job: Job, now: number) => Job | null {
  return (job, now) => {
    const changes = job.kind === 'permissions' ? patch(job, now) : null;
    return changes === null || job.kind !== 'permissions' ? null : { ...job, ...changes, updatedAt: now };
  };
}

/**
 * A try failed with an error that may be retried. Deadlines count from the first such try. `held`: the error is one whose time
 * does not count (see `heldUp` in transitions.ts).
 */
export const changeTried = (held: boolean) =>
  changing((job, now) => {
    if (job.finishedAt !== null || (job.startedAt !== null && !held)) return null;
    const more = held ? { heldUpAt: now, unreachableSince: null, error: null } : {};
    return { startedAt: job.startedAt ?? now, ...more };
  });

/**
 * One more poll did not find the image. Once the image counts as gone (several polls over `goneMs` milliseconds), the change
 * fails with `error`. What it gave is gone together with the image.
 */
export const changeImageUnseen = (goneMs: number, error: Failure) =>
  changing((job, now) => {
    if (job.finishedAt !== null) return null;
    const unseen = unseenAgain(job.unseen, now);
    return isGone(unseen, now, { goneMs })
      ? { state: 'failed', error, after: null, finishedAt: now, unseen }
      : { unseen };
  });

/** A poll has found the image again. */
export const changeImageSeen = changing((job) => (job.unseen ? { unseen: null } : null));

/** The account refuses the service's credentials (see `unreachable` in transitions.ts): the change shows why it waits. */
export const changeUnreachable = (error: Failure) =>
  changing((job, now) =>
    job.finishedAt === null && typeof job.unreachableSince !== 'number'
      ? { unreachableSince: now, error }
      : null,
  );

/** Saves the permissions before the first change, so that they can be restored. */
export const beginChange = (before: PermissionState) =>
  changing((job, now) =>
    job.state === 'queued'
      ? {
          state: 'running',
          before: job.before ?? before,
          given: NOTHING_GIVEN,
          startedAt: job.startedAt ?? now,
        }
      : null,
  );

export const changeSucceeded = (after: PermissionState, warnings: readonly Warning[]) =>
  changing((job, now) =>
    job.state === 'running' && !job.stopping
      ? {
          state: 'succeeded',
          after,
          error: null,
          warnings: withWarnings(job.warnings, warnings),
          finishedAt: now,
        }
      : null,
  );

/** `after` is the state after the change, where it could be read. */
export const changeFailed = (error: Failure, after: PermissionState | null) =>
  changing((job, now) =>
    job.finishedAt === null ? { state: 'failed', error, after, finishedAt: now } : null,
  );

/** Cancels a queued change at once. A running one first takes back what it gave. */
export const cancelChange = changing((job, now) => {
  if (job.state === 'queued') return { state: 'cancelled', finishedAt: now };
  return job.state === 'running' && !job.stopping ? { stopping: 'cancel' } : null;
});

/** A later withdrawal takes what this change would give: the change gives nothing more, and ends as failed. */
export const supersedeChange = (error: Failure) =>
  changing((job, now) => {
    if (job.state === 'queued') return { state: 'failed', error, finishedAt: now };
    return job.state === 'running' && !isFailing(job.stopping) ? { stopping: error } : null;
  });

function isFailing(stopping: PermissionsJob['stopping']): boolean {
  return stopping !== undefined && stopping !== null && stopping !== 'cancel';
}

/** A change that was stopping has taken back what it gave. */
export const changeStopped = (after: PermissionState | null) =>
  changing((job, now) => {
    if (job.state !== 'running' || !job.stopping) return null;
    const ended = { after, stopping: null, finishedAt: now };
    return job.stopping === 'cancel'
      ? { ...ended, state: 'cancelled', error: null }
      : { ...ended, state: 'failed', error: job.stopping };
  });

/** Saves what the change is about to give, before any call gives it, together with its warnings. */
export const aboutToGive = (given: Given, warnings: readonly Warning[]) =>
  changing((job) =>
    job.state === 'running' && !job.stopping
      ? {
          given: plusGiven(job.given ?? NOTHING_GIVEN, given),
          warnings: withWarnings(job.warnings, warnings),
        }
      : null,
  );

/** {@link aboutToGive} for the sharing of a copy. */
export const copyAboutToGive = (key: string, given: Given, warnings: readonly Warning[]) => {
  const giving = sharing(key, (one) =>
    one.state === 'available' ? { given: plusGiven(one.given ?? NOTHING_GIVEN, given) } : null,
  );
  return (job: Job, now: number): Job | null => {
    const after = giving(job, now);
    return after === null ? null : { ...after, warnings: withWarnings(after.warnings, warnings) };
  };
};

/**
 * {@link supersedeChange} for the sharing of a copy, which its own step ends. EC2 may already show the copy as available while
 * the record still says pending.
 */
export const supersedeSharing = (key: string, by: string) =>
  sharing(key, ({ state }) => (state === 'available' || state === 'pending' ? { supersededBy: by } : null));

function sharing(key: string, patch: (one: Destination) => Partial<Destination> | null) {
  return (job: Job, now: number): Job | null => {
    if (job.kind !== 'copy') return null;
    const index = job.destinations.findIndex((one) => destinationKey(one) === key);
    const one = job.destinations[index];
    if (one === undefined || one.stopping !== null || one.supersededBy) return null;
    const changes = patch(one);
    if (changes === null) return null;
    const destinations = job.destinations.with(index, { ...one, ...changes });
    return { ...job, destinations, updatedAt: now };
  };
}

/** Queues a failed change again. The state before it is read anew. @param mayPublish whether the principal that retries it may publish */
export const retryChange = (mayPublish: boolean) =>
  changing((job) =>
    job.state === 'failed'
      ? {
          state: 'queued',
          mayPublish,
          given: NOTHING_GIVEN,
          unreachableSince: null,
          heldUpAt: null,
          stopping: null,
          unseen: null,
          attempts: job.attempts + 1,
          before: null,
          after: null,
          error: null,
          startedAt: null,
          finishedAt: null,
        }
      : null,
  );
