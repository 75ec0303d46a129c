import type { WakeUp } from '../domain/next-step.ts';
import { deliveryStep, newlyDue } from '../domain/next-step.ts';
import type { Write } from './commit.ts';

/**
 * Puts wake-ups into the queue ({@link StepProducer.wake}), on the connection that the store writes on. It does not reject: the
 * sweep replaces a wake-up that is lost.
 */
export type Wake = (wakeUps: readonly WakeUp[]) => Promise<void>;

/** The steps and deliveries that some writes make due. `now`: epoch milliseconds of the shared clock. */
export function wakeUpsOf(writes: readonly Write[], now: number): WakeUp[] {
  return writes.flatMap(({ before, after, messages = [], redelivery }) => {
    if (after === null) return [];
    const jobId = after.id;
    const deliveries = [...messages.map(({ delivery }) => delivery), ...(redelivery ? [redelivery.to] : [])];
    return [
      ...newlyDue(before, after, now).map((due) => ({ ...due, jobId })),
      ...deliveries.map(({ n, nextAt }) => deliveryStep(jobId, n, nextAt ?? now)),
    ];
  });
}
