import type { WakeUp } from '../domain/next-step.ts';
import { newlyDue } from '../domain/next-step.ts';
import type { Write } from './commit.ts';

/**
 * Puts wake-ups into the queue ({@link StepProducer.wake}), on the connection that the store writes on. It does not reject: the
 * sweep replaces a wake-up that is lost.
 */
export type Wake = (wakeUps: readonly WakeUp[]) => Promise<void>;

/** The steps that some writes make due. `now`: epoch milliseconds of the shared clock. */
export function wakeUpsOf(writes: readonly Write[], now: number): WakeUp[] {
  return writes.flatMap(({ before, after }) =>
    after === null ? [] : newlyDue(before, after, now).map((due) => ({ ...due, jobId: after.id })),
  );
}
