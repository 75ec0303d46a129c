import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';

/** Has every scope tracked whose time has come. */
export async function tick(deps: WorkerDeps): Promise<StepOutcome> {
  await deps.producer.track(await deps.store.takeDueScopes(deps.settings.pollMs));
  return DONE;
}
