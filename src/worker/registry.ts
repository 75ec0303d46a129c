import type { Static, TSchema } from 'typebox';
import type { StepName } from '../queue/jobs.ts';
import { STEP_PAYLOADS } from '../queue/jobs.ts';
import { applyPermissions } from './apply-permissions.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { deliverWebhook } from './deliver-webhook.ts';
import { finishCopy } from './finish-copy.ts';
import { holdSource } from './hold-source.ts';
import { removeCopy } from './remove-copy.ts';
import { removeLeftover } from './remove-leftover.ts';
import { startCopies } from './start-copies.ts';
import { startCopy } from './start-copy.ts';
import { trackRegion } from './track-region.ts';

/** Runs one step with the payload of its queue job. Rejects a payload that does not match the step's schema. */
export type StepHandler = (deps: WorkerDeps, payload: unknown) => Promise<StepOutcome>;

function step<Payload extends TSchema>(
  payload: Payload,
  handle: (deps: WorkerDeps, payload: Static<Payload>) => Promise<StepOutcome>,
): StepHandler {
  return async (deps, data) => {
    // Loaded at the first step, because loading takes a quarter as long as the rest of the start.
    const { Value } = await import('typebox/value');
    return handle(deps, Value.Parse(payload, data));
  };
}

/** Every step of a worker, by the name of its queue job. This is the only list. */
export const STEPS: Record<StepName, StepHandler> = {
  'start-copies': step(STEP_PAYLOADS['start-copies'], startCopies),
  'start-copy': step(STEP_PAYLOADS['start-copy'], startCopy),
  'finish-copy': step(STEP_PAYLOADS['finish-copy'], finishCopy),
  'remove-copy': step(STEP_PAYLOADS['remove-copy'], removeCopy),
  'remove-leftover': step(STEP_PAYLOADS['remove-leftover'], removeLeftover),
  'hold-source': step(STEP_PAYLOADS['hold-source'], holdSource),
  'apply-permissions': step(STEP_PAYLOADS['apply-permissions'], applyPermissions),
  'deliver-webhook': step(STEP_PAYLOADS['deliver-webhook'], deliverWebhook),
  'track-region': step(STEP_PAYLOADS['track-region'], trackRegion),
};
