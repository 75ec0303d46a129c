import type { Scope } from '../domain/ami.ts';
import type { ChangeRef } from '../store/store.ts';
import type { WorkerDeps } from './deps.ts';

/**
 * Whether a change is the first in the wait queue of its image. Changes of one image, and the sharing of a new copy, are made one
 * after the other; the write that takes one out of the queue wakes the next.
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
