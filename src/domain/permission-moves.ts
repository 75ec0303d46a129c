import type { Failure, Job, PermissionsJob, Warning } from './job.ts';
import type { PermissionState } from './permissions.ts';

/**
 * Every legal move of a change of permissions: queued → running → succeeded | failed, or cancelled while it is queued.
 * Like those of a copy (transitions.ts) they are pure, and `null` where they don't apply (any more).
 */
type Patch = Partial<PermissionsJob> | null;

function moving(patch: (job: PermissionsJob, now: number) => Patch): (job: Job, now: number) => Job | null {
  return (job, now) => {
    const changes = job.kind === 'permissions' ? patch(job, now) : null;
    return changes === null || job.kind !== 'permissions' ? null : { ...job, ...changes, updatedAt: now };
  };
}

/** Saves how it was before the first change, so that it can be put back. */
export const beginChange = (before: PermissionState) =>
  moving((job, now) =>
    job.state === 'queued'
      ? { state: 'running', before: job.before ?? before, startedAt: job.startedAt ?? now }
      : null,
  );

export const changeSucceeded = (after: PermissionState, warnings: readonly Warning[]) =>
  moving((job, now) =>
    job.state === 'running'
      ? { state: 'succeeded', after, warnings: [...job.warnings, ...warnings], finishedAt: now }
      : null,
  );

/** `after` is how it is now, where that could be read. */
export const changeFailed = (error: Failure, after: PermissionState | null) =>
  moving((job, now) => (job.finishedAt === null ? { state: 'failed', error, after, finishedAt: now } : null));

/** Only what is still queued: a running change takes seconds, and ends as a whole. */
export const cancelChange = moving((job, now) =>
  job.state === 'queued' ? { state: 'cancelled', finishedAt: now } : null,
);

/** Queues a failed change again; what it was before is read anew. */
export const retryChange = moving((job) =>
  job.state === 'failed'
    ? {
        state: 'queued',
        attempts: job.attempts + 1,
        before: null,
        after: null,
        error: null,
        startedAt: null,
        finishedAt: null,
      }
    : null,
);
