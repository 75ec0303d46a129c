import type { Destination, Job } from './job.ts';
import { destinationKey, isFinished } from './job.ts';

/** The worker steps that move one destination of a copy. */
export type DestinationStep = 'start-copy' | 'finish-copy' | 'remove-copy';

/** A step that is due for a job. `destination` says for which of a copy's. */
export type DueStep =
  | { step: DestinationStep; destination: string }
  /** All destinations that nothing has happened to yet, together. */
  | { step: 'start-copies' }
  | { step: 'apply-permissions' }
  /** `at`: when it became due, epoch milliseconds. It tells one try from the next. */
  | { step: 'deliver-webhook'; delivery: number; at: number };

/** A step of a job that is to be done. */
export type WakeUp = DueStep & { jobId: string };

/** What a job waits for, read off its record alone: writes and the sweeper wake up just this. */
export function dueSteps(job: Job, now: number): DueStep[] {
  return [...workDue(job, now), ...deliveriesDue(job, now)];
}

/** What became due between two versions of a record; without `before`, all that is due. */
export function newlyDue(before: Job | null, after: Job, now: number): DueStep[] {
  const name = (due: DueStep) => JSON.stringify(due);
  const known = new Set(before === null ? [] : dueSteps(before, now).map(name));
  return dueSteps(after, now).filter((due) => !known.has(name(due)));
}

/** What is due later the sweeper wakes then: by the shared clock, while BullMQ's delays go by each worker's own. */
function deliveriesDue({ deliveries }: Job, now: number): DueStep[] {
  return deliveries.flatMap(({ n, nextAt }) =>
    nextAt === null || nextAt > now ? [] : [{ step: 'deliver-webhook', delivery: n, at: nextAt }],
  );
}

function workDue(job: Job, now: number): DueStep[] {
  if (job.kind === 'permissions') return job.finishedAt === null ? [{ step: 'apply-permissions' }] : [];
  const fresh: DueStep[] = job.destinations.some(isFresh) ? [{ step: 'start-copies' }] : [];
  const others = job.destinations.filter((one) => !isFresh(one) && !isBeingStarted(one, now));
  const steps = others.flatMap((one) => {
    const step = nextStep(one);
    return step === null ? [] : [{ step, destination: destinationKey(one) }];
  });
  return [...fresh, ...steps];
}

/** Nothing has happened to it yet: it is started together with the others of its job. */
export function isFresh({ state, startedAt, attempts }: Destination): boolean {
  return state === 'queued' && startedAt === null && attempts === 1;
}

/** As long as CopyImage usually takes at most, milliseconds. */
const STARTING = 10_000;

/** Whoever saved the intent is at it just now. Should that be a mistake, a second call does no harm. */
function isBeingStarted(one: Destination, now: number): boolean {
  return nextStep(one) === 'start-copy' && one.startedAt !== null && now - one.startedAt < STARTING;
}

/** `null` where nothing of its own is due: finished, or in the hands of its region's tracking (pending, waiting). */
export function nextStep(destination: Destination): DestinationStep | null {
  if (isFinished(destination)) return null;
  if (destination.stopping !== null) return 'remove-copy';
  if (destination.state === 'queued') return 'start-copy';
  if (destination.state === 'available') return 'finish-copy';
  return null;
}
