import type { WorkerDeps } from './deps.ts';

/** Has every scope tracked whose time has come. */
export async function tick(deps: WorkerDeps): Promise<void> {
  await deps.producer.track(await deps.store.takeDueScopes(deps.settings.pollMs));
}
