import type { Scope } from '../domain/ami.ts';
import type { ChangeRef } from '../store/store.ts';
import type { WorkerDeps } from './deps.ts';

/**
 * Whether it is a change's turn. Changes of one image, and the sharing of a new copy, are made one after the other; it
 * wakes the one whose turn it is instead.
 */
export async function isFirstInLine(
  deps: WorkerDeps,
  scope: Scope,
  imageId: string,
  me: ChangeRef,
): Promise<boolean> {
  const first = await deps.store.firstChange(scope, imageId);
  if (first === null) return false;
  const { jobId, destination } = first;
  if (jobId === me.jobId && destination === me.destination) return true;
  const step =
    destination === null
      ? { step: 'apply-permissions' as const }
      : { step: 'finish-copy' as const, destination };
  await deps.producer.wake([{ ...step, jobId }]);
  return false;
}
