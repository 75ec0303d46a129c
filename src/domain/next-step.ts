import type { Destination, Job } from './job.ts';
import { attemptRef, destinationKey, isFinished, leftoversOf } from './job.ts';

/** The worker steps about one destination of a copy. */
export type DestinationStep = 'start-copy' | 'finish-copy' | 'remove-copy';

/** A step that is due for a job. `destination` says for which of a copy's. */
export type DueStep =
  | { step: DestinationStep; destination: string; attempt: number }
  /** An image that no record holds any more is to be removed. */
  | { step: 'remove-leftover'; destination: string; attempt: number; imageId: string }
  /** All destinations that nothing has happened to yet, together. */
  | { step: 'start-copies' }
  | { step: 'apply-permissions' }
  /** `at`: when it became due, epoch milliseconds. It tells one try from the next. */
  | { step: 'deliver-webhook'; delivery: number; at: number };

/** A step of a job that is to be done. */
export type WakeUp = DueStep & { jobId: string };

/** A step with the time from which on it is due, epoch milliseconds; 0 is at once. */
interface Timed {
  from: number;
  due: DueStep;
}

/** What a job waits for, read off its record alone: writes and the sweeper wake up just this. */
export function dueSteps(job: Job, now: number): DueStep[] {
  return timedSteps(job).flatMap(({ from, due }) => (from <= now ? [due] : []));
}

/**
 * From when on {@link dueSteps} has anything, epoch milliseconds; 0 is at once. `Infinity` where all there is to do is
 * in the hands of its region's tracking, or done.
 */
export function nextDue(job: Job): number {
  return Math.min(...timedSteps(job).map(({ from }) => from));
}

function timedSteps(job: Job): Timed[] {
  return [...work(job), ...deliveries(job)];
}

/** What became due between two versions of a record; without `before`, all that is due. */
export function newlyDue(before: Job | null, after: Job, now: number): DueStep[] {
  const name = (due: DueStep) => JSON.stringify(due);
  const known = new Set(before === null ? [] : dueSteps(before, now).map(name));
  return dueSteps(after, now).filter((due) => !known.has(name(due)));
}

/** What is due later the sweeper wakes then: by the shared clock, while BullMQ's delays go by each worker's own. */
function deliveries(job: Job): Timed[] {
  return job.deliveries.flatMap(({ n, nextAt }) =>
    nextAt === null ? [] : [{ from: nextAt, due: { step: 'deliver-webhook', delivery: n, at: nextAt } }],
  );
}

function work(job: Job): Timed[] {
  if (job.kind === 'permissions')
    return job.finishedAt === null ? [{ from: 0, due: { step: 'apply-permissions' } }] : [];
  const fresh: Timed[] = job.destinations.some(isFresh) ? [{ from: 0, due: { step: 'start-copies' } }] : [];
  const others = job.destinations.filter((one) => !isFresh(one));
  const steps = others.flatMap((one) => {
    const step = nextStep(one);
    return step === null ? [] : [{ from: dueFrom(step, one), due: { step, ...attemptRef(one) } }];
  });
  return [...fresh, ...steps, ...job.destinations.flatMap(removals)];
}

function removals(one: Destination): Timed[] {
  const destination = destinationKey(one);
  return leftoversOf(one).map(({ attempt, imageId }) => ({
    from: 0,
    due: { step: 'remove-leftover', destination, attempt, imageId },
  }));
}

/** Nothing has happened to it yet: it is started together with the others of its job. */
export function isFresh({ state, startedAt, attempts }: Destination): boolean {
  return state === 'queued' && startedAt === null && attempts === 1;
}

/** As long as CopyImage usually takes at most, milliseconds. */
const STARTING = 10_000;

/** The worker that saved the intent is at it for a while. Where it is not, a second call does no harm. */
function dueFrom(step: DestinationStep, { startedAt }: Destination): number {
  return step === 'start-copy' && startedAt !== null ? startedAt + STARTING : 0;
}

/** `null` where nothing of its own is due: finished, or in the hands of its region's tracking (pending, waiting). */
export function nextStep(destination: Destination): DestinationStep | null {
  if (isFinished(destination)) return null;
  if (destination.stopping !== null) return 'remove-copy';
  if (destination.state === 'queued') return 'start-copy';
  if (destination.state === 'available') return 'finish-copy';
  return null;
}
