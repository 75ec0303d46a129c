import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import type { JobPayload } from '../queue/jobs.ts';
export async function applyPermissions(_deps: WorkerDeps, _ref: JobPayload): Promise<StepOutcome> {
  return DONE;
}
