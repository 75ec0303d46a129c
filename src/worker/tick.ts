import type { WorkerDeps } from './deps.ts';

/** Has every scope tracked whose time has come: less often while EC2's own events tell of what has happened. */
export async function tick(deps: WorkerDeps): Promise<void> {
  const { pollMs, eventsPollMs } = deps.settings;
  const interval = deps.hearsEvents() ? Math.max(pollMs, eventsPollMs) : pollMs;
  await deps.producer.track(await deps.store.takeDueScopes(interval));
}
