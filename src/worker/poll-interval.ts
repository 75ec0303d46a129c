import type { PollInterval } from '../domain/next-poll.ts';
import { pollIntervalFrom, steadyPollInterval } from '../domain/next-poll.ts';
import type { WorkerDeps } from './deps.ts';

/** How often pending copies are polled: at a fixed, long interval while EC2's own events are received. */
export function pollIntervalOf({
  settings,
  hearsEvents,
}: Pick<WorkerDeps, 'settings' | 'hearsEvents'>): PollInterval {
  const { pollMs, eventsPollMs } = settings;
  return hearsEvents() ? steadyPollInterval(Math.max(pollMs, eventsPollMs)) : pollIntervalFrom(pollMs);
}
