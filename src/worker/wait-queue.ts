import type { Scope } from '../domain/ami.ts';
import { attemptRef, findDestination } from '../domain/job.ts';
import type { DestinationStep, WakeUp } from '../domain/next-step.ts';
import { callLimit } from '../aws/ec2/call-limits.ts';
import type { StartLimits } from '../store/copy-slots.ts';
import type { DestinationRef } from '../store/copy-slots.ts';
import type { WorkerDeps, WorkerSettings } from './deps.ts';

/** The limits of copies in each scope. */
export function startLimits({ copySlots, callShare }: WorkerSettings): StartLimits {
  return { copySlots, calls: callLimit('CopyImage', callShare) };
}

/** Wakes as many waiting destinations of a scope as there are both free slots and calls, in order of arrival. */
export async function wakeWaiting(deps: WorkerDeps, scope: Scope): Promise<void> {
  const next = await deps.store.copySlots.nextWaiting(scope, startLimits(deps.settings));
  await wakeDestinations(deps, 'start-copy', next);
}

/** Wakes a step of some destinations, each for the current attempt in its record. */
export async function wakeDestinations(
  { store, producer }: Pick<WorkerDeps, 'store' | 'producer'>,
  step: DestinationStep,
  refs: readonly DestinationRef[],
): Promise<void> {
  const wakeUps = refs.map(async ({ jobId, destination }): Promise<WakeUp[]> => {
    const job = await store.get(jobId);
    const one = job?.kind === 'copy' ? findDestination(job, destination) : undefined;
    return one === undefined ? [] : [{ step, jobId, ...attemptRef(one) }];
  });
  await producer.wake((await Promise.all(wakeUps)).flat());
}
