import type { WorkerDeps } from './deps.ts';
import { wakeWaiting } from './wait-queue.ts';

/**
 * Has every scope tracked whose time has come: again soon, unless that poll postpones it. And wakes those that wait and may start by
 * now: slots and calls get free with time, also where nothing is polled.
 */
export async function tick(deps: WorkerDeps): Promise<void> {
  await deps.producer.track(await deps.store.polls.takeDueScopes(deps.settings.pollMs));
  const scopes = await deps.store.copySlots.scopesWithWaiting();
  await Promise.all(scopes.map((scope) => wakeWaiting(deps, scope)));
}
