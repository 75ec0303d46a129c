import { dueHolds, holdWaits, waitsForSource } from './holds.ts';
import { waitsForHub } from './hubs.ts';
import type { Destination, Job } from './job.ts';
import { attemptRef, destinationKey, isFinished, leftoversOf } from './job.ts';

/** The worker steps about one destination of a copy. */
export type DestinationStep = 'start-copy' | 'finish-copy' | 'remove-copy';

/** A step that is due for a job. `destination` names the destination of a copy. */
export type DueStep =
  | { step: DestinationStep; destination: string; attempt: number }
  /** A leftover is to be removed. */
  | { step: 'remove-leftover'; destination: string; attempt: number; imageId: string }
  /** All destinations that have not been started yet, in one step. */
  | { step: 'start-copies' }
  /** Other accounts are to be given access to an image that is copied, or it is to be taken back. */
  | { step: 'hold-source'; imageId: string }
  | { step: 'apply-permissions' };

/** One try of a delivery. `at`: when it became due, epoch milliseconds. It distinguishes one try from the next. */
export interface DeliveryStep {
  step: 'deliver-webhook';
  delivery: number;
  at: number;
}

/** A step of a job that is to be done. */
export type WakeUp = (DueStep | DeliveryStep) & { jobId: string };

/** The next try of a delivery that is due at a time. */
export function deliveryStep(jobId: string, delivery: number, at: number): WakeUp {
  return { step: 'deliver-webhook', jobId, delivery, at };
}

/** A step with the time at which it is due, epoch milliseconds; 0 is at once. */
interface Timed {
  from: number;
  due: DueStep;
}

/** The steps that a job waits for, computed from its record alone. Writes and the sweep wake exactly these. */
export function dueSteps(job: Job, now: number): DueStep[] {
  return timedSteps(job).flatMap(({ from, due }) => (from <= now ? [due] : []));
}

/**
 * When {@link dueSteps} first has a step, epoch milliseconds; 0 is at once. `Infinity` where the polls of the job's scopes do
 * all that is left, or nothing is left.
 */
export function nextDue(job: Job): number {
  return Math.min(...timedSteps(job).map(({ from }) => from));
}

/** The steps that became due between two versions of a record; without `before`, all steps that are due. */
export function newlyDue(before: Job | null, after: Job, now: number): DueStep[] {
  const name = (due: DueStep) => JSON.stringify(due);
  const known = new Set(before === null ? [] : dueSteps(before, now).map(name));
  return dueSteps(after, now).filter((due) => !known.has(name(due)));
}

function timedSteps(job: Job): Timed[] {
  if (job.kind === 'permissions')
    return job.finishedAt === null ? [{ from: 0, due: { step: 'apply-permissions' } }] : [];
  const holds = dueHolds(job).map(({ image: { imageId } }): Timed => ({
    from: 0,
    due: { step: 'hold-source', imageId },
  }));
  const isReady = !waitsForSource(job) && job.destinations.some(isFresh);
  const fresh: Timed[] = isReady ? [{ from: 0, due: { step: 'start-copies' } }] : [];
  const waits = holdWaits(job);
  const others = job.destinations.filter(
    (one) => !isFresh(one) && !waitsForHub(job, one) && !waits.forHold(one) && !waits.forRelease(one),
  );
  const steps = others.flatMap((one) => {
    const step = nextStep(one);
    return step === null ? [] : [{ from: dueFrom(step, one), due: { step, ...attemptRef(one) } }];
  });
  return [...holds, ...fresh, ...steps, ...job.destinations.flatMap(removals)];
}

function removals(one: Destination): Timed[] {
  const destination = destinationKey(one);
  return leftoversOf(one).map(({ attempt, imageId }) => ({
    from: 0,
    due: { step: 'remove-leftover', destination, attempt, imageId },
  }));
}

/** The destination has not been started: one step starts it together with the others of its job that have no hub. */
export function isFresh({ spec, state, startedAt, attempts }: Destination): boolean {
  return spec.hub === undefined && state === 'queued' && startedAt === null && attempts === 1;
}

/** The time within which CopyImage usually answers, milliseconds. */
const STARTING = 10_000;

/** The worker that saved the intent usually still works on it for this long. If it does not, a second call is harmless. */
function dueFrom(step: DestinationStep, { startedAt }: Destination): number {
  return step === 'start-copy' && startedAt !== null ? startedAt + STARTING : 0;
}

/** `null` where the destination has no step of its own: it is finished, or the polls of its scope handle it (pending, waiting). */
export function nextStep(destination: Destination): DestinationStep | null {
  if (isFinished(destination)) return null;
  if (destination.stopping !== null) return 'remove-copy';
  if (destination.state === 'queued') return 'start-copy';
  if (destination.state === 'available') return 'finish-copy';
  return null;
}
