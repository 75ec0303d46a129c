import type { PollInterval } from '../domain/next-poll.ts';
import { pollIntervalFrom, steadyPollInterval } from '../domain/next-poll.ts';
import type { WorkerDeps } from './deps.ts';

/** How often pending copies are polled: rarely, and always so, while EC2's own events tell of what has happened. */
export function pollIntervalOf({
  settings,
  hearsEvents,
}: Pick<WorkerDeps, 'settings' | 'hearsEvents'>): PollInterval {
  const { pollMs, eventsPollMs } = settings;
  return hearsEvents() ? steadyPollInterval(Math.max(pollMs, eventsPollMs)) : pollIntervalFrom(pollMs);
}
