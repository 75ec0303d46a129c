import type { WorkerDeps } from './deps.ts';
import { wakeLine } from './lines.ts';

/**
 * Has every scope tracked whose time has come, less often while EC2's own events tell of what has happened; and wakes
 * those in line whose turn has come: slots and calls get free with time, also where nothing is looked at.
 */
export async function tick(deps: WorkerDeps): Promise<void> {
  const { pollMs, eventsPollMs } = deps.settings;
  const interval = deps.hearsEvents() ? Math.max(pollMs, eventsPollMs) : pollMs;
  await deps.producer.track(await deps.store.takeDueScopes(interval));
  const lines = await deps.store.lines();
  await Promise.all(lines.map((scope) => wakeLine(deps, scope)));
}
