import type { StepName, StepPayload } from '../queue/jobs.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { applyPermissions } from './apply-permissions.ts';
import { finishCopy } from './finish-copy.ts';
import { removeCopy } from './remove-copy.ts';
import { startCopy } from './start-copy.ts';
import { sweep } from './sweep.ts';
import { tick } from './tick.ts';
import { trackRegion } from './track-region.ts';

export type StepHandler<Name extends StepName> = (
  deps: WorkerDeps,
  payload: StepPayload<Name>,
) => Promise<StepOutcome>;

/** Every step that a worker does, by the name of its queue job: the only list. */
export const STEPS: { [Name in StepName]: StepHandler<Name> } = {
  'start-copy': startCopy,
  'finish-copy': finishCopy,
  'remove-copy': removeCopy,
  'apply-permissions': applyPermissions,
  'track-region': trackRegion,
  tick: tick,
  sweep: sweep,
};
