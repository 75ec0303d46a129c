import type { Destination, DestinationState, Job, JobState } from './job.ts';
import { destinationKey, findDestination, jobProgress, jobState } from './job.ts';

/** One thing that happened to a job, as its log keeps it and as callers may follow it. */
export interface JobHappening {
  /** `job.<state>` when the job's state changed, else `destination.<state>` or `destination.progress`. */
  type:
    | `job.${JobState}`
    | `destination.${DestinationState}`
    | 'destination.progress'
    | 'destination.stopping';
  jobId: string;
  /** Epoch milliseconds. */
  at: number;
  state: JobState;
  /** Percent. */
  progress: number;
  destination: {
    region: string;
    state: DestinationState;
    imageId: string | null;
    progress: number;
    etaSeconds: number | null;
    errorCode: string | null;
  } | null;
}

/** What happened between two versions of a record, destinations first, the job's own change last. */
export function happenings(before: Job | null, after: Job): JobHappening[] {
  const state = jobState(after);
  const common = { jobId: after.id, at: after.updatedAt, state, progress: jobProgress(after) };
  const list: JobHappening[] = [];
  if (before?.kind === 'copy' && after.kind === 'copy') {
    for (const one of after.destinations) {
      const type = destinationChange(findDestination(before, destinationKey(one)), one);
      if (type !== null) list.push({ ...common, type, destination: summary(one) });
    }
  }
  if (before === null || jobState(before) !== state) {
    list.push({ ...common, type: `job.${state}`, destination: null });
  }
  return list;
}

function destinationChange(before: Destination | undefined, after: Destination): JobHappening['type'] | null {
  if (before?.state !== after.state) return `destination.${after.state}`;
  if (before.stopping === null && after.stopping !== null) return 'destination.stopping';
  return before.progress === after.progress ? null : 'destination.progress';
}

function summary(one: Destination): JobHappening['destination'] {
  const { state, imageId, progress, etaSeconds, error } = one;
  return { region: one.spec.region, state, imageId, progress, etaSeconds, errorCode: error?.code ?? null };
}
