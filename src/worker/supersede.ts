import type { Scope } from '../domain/ami.ts';
import type { Failure, Job, PermissionsJob } from '../domain/job.ts';
import { supersedeChange, supersedeSharing } from '../domain/permission-transitions.ts';
import type { PermissionChange, PermissionSet } from '../domain/permissions.ts';
import { isAgainst, NOBODY } from '../domain/permissions.ts';
import type { WorkerDeps } from './deps.ts';
import { changeJob } from './change-job.ts';
import { failureBecause } from './failure.ts';

/**
 * A withdrawal goes before all that waits in the line of its image, however stuck that is. What was accepted before it and
 * gives what it takes must not be made after it: that is stopped first.
 */
export async function supersedeEarlier(
  deps: WorkerDeps,
  scope: Scope,
  withdrawal: PermissionsJob,
): Promise<void> {
  const me = { jobId: withdrawal.id, destination: null };
  for (const { jobId, destination } of await deps.store.changesBefore(scope, withdrawal.image.id, me)) {
    const job = await deps.store.get(jobId);
    if (job === null || !isAgainst(withdrawal.change, givesOf(job))) continue;
    const transition =
      destination === null
        ? supersedeChange(supersededBy(withdrawal))
        : supersedeSharing(destination, withdrawal.id);
    await changeJob(deps, jobId, transition);
  }
}

function givesOf(job: Job): PermissionSet {
  return job.kind === 'copy' ? (job.permissions ?? NOBODY) : added(job.change);
}

function added(change: PermissionChange): PermissionSet {
  return change.mode === 'set' ? change.set : change.add;
}

export function supersededBy({ id }: Pick<PermissionsJob, 'id'>): Failure {
  const message = `job ${id}, accepted later, takes away what this one was to give: it gave nothing more, and what it had given was taken back`;
  return failureBecause('superseded', message);
}
