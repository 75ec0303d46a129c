import type { Scope } from '../domain/ami.ts';
import type { Job } from '../domain/job.ts';
import { findDestination } from '../domain/job.ts';
import { nextStep } from '../domain/next-step.ts';
import type { ChangeRef } from '../store/change-queues.ts';
import type { SharingDeps } from './deps.ts';
import type { ShareRequest } from './request.ts';

/** Another worker has taken the step over and ended it: nothing is left to do here, and nothing has to be undone. */
export class StepOvertaken extends Error {
  override name = 'StepOvertaken';
}

/**
 * Whether a change is the first in the wait queue of its image. Changes of one image, and the sharing of a new copy, are made one
 * after the other; the write that takes one out of the queue wakes the next.
 */
export async function isFirstInQueue(
  { store }: Pick<SharingDeps, 'store'>,
  scope: Scope,
  imageId: string,
  me: ChangeRef,
): Promise<boolean> {
  const first = await store.changeQueues.firstChange(scope, imageId);
  return first?.jobId === me.jobId && first.destination === me.destination;
}

/**
 * The fence before a call that gives access. A paused worker may resume a step that another worker has ended, or that a later
 * change has superseded. The version check keeps it from writing the record, and this check keeps it from calling EC2.
 * @throws {StepOvertaken}
 */
export async function requireStillMine(deps: SharingDeps, request: ShareRequest): Promise<void> {
  await requireFirst(deps, request);
  const now = await deps.store.get(request.job.id);
  if (now !== null && mayGive(now, request.me)) return;
  throw new StepOvertaken(`job ${request.job.id} was ended by another worker`);
}

/** Requires that the change is the first in the wait queue of its image, and so not finished. @throws {StepOvertaken} */
export async function requireFirst(deps: SharingDeps, { job, me, image }: ShareRequest): Promise<void> {
  if (await isFirstInQueue(deps, image, image.imageId, me)) return;
  throw new StepOvertaken(`job ${job.id} was ended by another worker, or another change comes first`);
}

function mayGive(job: Job, { destination }: ChangeRef): boolean {
  if (job.kind === 'permissions') return job.state === 'running' && !job.stopping;
  const one = destination === null ? undefined : findDestination(job, destination);
  return one !== undefined && nextStep(one) === 'finish-copy' && !one.supersededBy;
}
