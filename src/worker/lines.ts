import type { Scope } from '../domain/ami.ts';
import { callLimit } from '../ec2/call-limits.ts';
import type { StartLimits } from '../store/store.ts';
import type { WorkerDeps, WorkerSettings } from './deps.ts';

/** What each scope has for copies. */
export function startLimits({ copySlots, callShare }: WorkerSettings): StartLimits {
  return { copySlots, calls: callLimit('CopyImage', callShare) };
}

/** Wakes as many of those in line in a scope as there are both free slots and calls, first come, first served. */
export async function wakeLine(deps: WorkerDeps, scope: Scope): Promise<void> {
  const next = await deps.store.nextWaiting(scope, startLimits(deps.settings));
  await deps.producer.wake(next.map((ref) => ({ step: 'start-copy', ...ref })));
}
