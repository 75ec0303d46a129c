import type { Pace } from '../domain/next-look.ts';
import { paceFrom, steadyPace } from '../domain/next-look.ts';
import type { WorkerDeps } from './deps.ts';

/** How often pending copies are looked at: rarely, and always so, while EC2's own events tell of what has happened. */
export function paceOf({ settings, hearsEvents }: Pick<WorkerDeps, 'settings' | 'hearsEvents'>): Pace {
  const { pollMs, eventsPollMs } = settings;
  return hearsEvents() ? steadyPace(Math.max(pollMs, eventsPollMs)) : paceFrom(pollMs);
}
