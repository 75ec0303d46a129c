import type { Scope } from '../domain/ami.ts';
import type { Failure, Job, PermissionsJob } from '../domain/job.ts';
import { supersedeChange, supersedeSharing } from '../domain/permission-transitions.ts';
import type { PermissionChange, PermissionSet } from '../domain/permissions.ts';
import { isAgainst, NOBODY } from '../domain/permissions.ts';
import { ERRORS } from '../errors.ts';
import type { Change } from '../store/store.ts';
import type { SharingDeps } from './deps.ts';

/**
 * Stops the earlier changes that give what a withdrawal takes. The withdrawal comes before all changes that wait in the queue
 * of its image, so those changes must not be made after it.
 * @param write writes a transition of a job
 */
export async function supersedeEarlier(
  { store }: Pick<SharingDeps, 'store'>,
  scope: Scope,
  withdrawal: PermissionsJob,
  write: (jobId: string, transition: Change) => Promise<unknown>,
): Promise<void> {
  const me = { jobId: withdrawal.id, destination: null };
  for (const { jobId, destination } of await store.changeQueues.changesBefore(
    scope,
    withdrawal.image.id,
    me,
  )) {
    const job = await store.get(jobId);
    if (job === null || !isAgainst(withdrawal.change, givesOf(job))) continue;
    const transition =
      destination === null
        ? supersedeChange(supersededBy(withdrawal))
        : supersedeSharing(destination, withdrawal.id);
    await write(jobId, transition);
  }
}

function givesOf(job: Job): PermissionSet {
  return job.kind === 'copy' ? (job.permissions ?? NOBODY) : added(job.change);
}

function added(change: PermissionChange): PermissionSet {
  return change.mode === 'set' ? change.set : change.add;
}

/** Why a change ends that a later withdrawal supersedes. */
export function supersededBy({ id }: Pick<PermissionsJob, 'id'>): Failure {
  const message = `job ${id}, accepted later, takes away what this one was to give: it gave nothing more, and what it had given was taken back`;
  const { retryable } = ERRORS.superseded;
  return { code: 'superseded', message, retryable, awsCode: null, awsRequestId: null };
}
