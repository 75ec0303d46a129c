import type { Scope } from '../domain/ami.ts';
import type { ChangeRef } from '../store/store.ts';
import type { WorkerDeps } from './deps.ts';
import { wakeDestinations } from './wait-queue.ts';

/**
 * Whether a change is the first in the wait queue of its image. Changes of one image, and the sharing of a new copy, are made one
 * after the other.
 */
export async function isFirstInQueue(
  { store }: Pick<WorkerDeps, 'store'>,
  scope: Scope,
  imageId: string,
  me: ChangeRef,
): Promise<boolean> {
  const first = await store.firstChange(scope, imageId);
  return first?.jobId === me.jobId && first.destination === me.destination;
}

/** Wakes the first change in the wait queue of an image, unless that is the one given. */
export async function wakeFirstInQueue(
  deps: WorkerDeps,
  scope: Scope,
  imageId: string,
  me: ChangeRef,
): Promise<void> {
  const first = await deps.store.firstChange(scope, imageId);
  if (first === null) return;
  const { jobId, destination } = first;
  if (jobId === me.jobId && destination === me.destination) return;
  if (destination === null) await deps.producer.wake([{ step: 'apply-permissions', jobId }]);
  else await wakeDestinations(deps, 'finish-copy', [{ jobId, destination }]);
}
