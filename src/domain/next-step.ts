import type { Destination, Job } from './job.ts';
import { destinationKey, isFinished } from './job.ts';

/** The worker steps that move one destination of a copy. */
export type DestinationStep = 'start-copy' | 'finish-copy' | 'remove-copy';

/** A step that is due for a job. `destination` says for which of a copy's. */
export type DueStep =
  | { step: DestinationStep; destination: string }
  | { step: 'apply-permissions' }
  /** `at`: when it became due, epoch milliseconds. It tells one try from the next. */
  | { step: 'deliver-webhook'; delivery: number; at: number };

/** What a job waits for, read off its record alone: commands, workers and the sweeper all wake up just this. */
export function dueSteps(job: Job, now: number): DueStep[] {
  return [...workDue(job), ...deliveriesDue(job, now)];
}

/** What is due later the sweeper wakes then: by the shared clock, while BullMQ's delays go by each worker's own. */
function deliveriesDue({ deliveries }: Job, now: number): DueStep[] {
  return deliveries.flatMap(({ n, nextAt }) =>
    nextAt === null || nextAt > now ? [] : [{ step: 'deliver-webhook', delivery: n, at: nextAt }],
  );
}

function workDue(job: Job): DueStep[] {
  if (job.kind === 'permissions') return job.finishedAt === null ? [{ step: 'apply-permissions' }] : [];
  return job.destinations.flatMap((one) => {
    const step = nextStep(one);
    return step === null ? [] : [{ step, destination: destinationKey(one) }];
  });
}

/** `null` where nothing of its own is due: finished, or in the hands of its region's tracking (pending, waiting). */
export function nextStep(destination: Destination): DestinationStep | null {
  if (isFinished(destination)) return null;
  if (destination.stopping !== null) return 'remove-copy';
  if (destination.state === 'queued') return 'start-copy';
  if (destination.state === 'available') return 'finish-copy';
  return null;
}
