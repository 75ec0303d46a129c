import type { WorkerDeps } from './deps.ts';
import { wakeWaiting } from './wait-queue.ts';

/**
 * Enqueues a poll of every scope whose poll is due. The scope is due again soon, unless that poll postpones it. The tick also
 * wakes waiting destinations that may start now: slots and calls become free over time, also in scopes where nothing is polled.
 */
export async function tick(deps: WorkerDeps): Promise<void> {
  await deps.producer.track(await deps.store.polls.takeDueScopes(deps.settings.pollMs));
  const scopes = await deps.store.copySlots.scopesWithWaiting();
  await Promise.all(scopes.map((scope) => wakeWaiting(deps, scope)));
}
