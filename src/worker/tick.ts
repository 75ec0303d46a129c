import type { WorkerDeps } from './deps.ts';
import { wakeLine } from './lines.ts';

/**
 * Has every scope tracked whose time has come: again soon, unless that poll postpones it. And wakes those in line that may start by
 * now: slots and calls get free with time, also where nothing is polled.
 */
export async function tick(deps: WorkerDeps): Promise<void> {
  await deps.producer.track(await deps.store.takeDueScopes(deps.settings.pollMs));
  const lines = await deps.store.lines();
  await Promise.all(lines.map((scope) => wakeLine(deps, scope)));
}
