import type { Destination, DestinationState, Job, JobState } from './job.ts';
import {
  DESTINATION_STATES,
  destinationKey,
  findDestination,
  JOB_STATES,
  jobProgress,
  jobState,
} from './job.ts';

/** `job.<state>` when the job's state changed, `destination.<state>` when a destination's did, or another event of a destination. */
export const EVENT_TYPES = [
  ...JOB_STATES.map((state) => `job.${state}` as const),
  ...DESTINATION_STATES.map((state) => `destination.${state}` as const),
  'destination.progress',
  'destination.stopping',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** One event of a job, as its log keeps it and as callers may follow it. */
export interface JobEvent {
  type: EventType;
  jobId: string;
  /** The principal that requested the job. */
  requestedBy: string;
  /** Epoch milliseconds. */
  at: number;
  state: JobState;
  /** Percent. */
  progress: number;
  destination: {
    account: string;
    region: string;
    state: DestinationState;
    imageId: string | null;
    progress: number;
    etaSeconds: number | null;
    errorCode: string | null;
  } | null;
}

/** The last events of a job: after one of these nothing more happens, unless the job is retried. */
export const FINAL_EVENTS: ReadonlySet<EventType> = new Set([
  'job.succeeded',
  'job.partial',
  'job.failed',
  'job.cancelled',
]);

/** The events between two versions of a record: destinations first, the job's own change last. */
export function eventsBetween(before: Job | null, after: Job): JobEvent[] {
  const state = jobState(after);
  const { id: jobId, requestedBy, updatedAt: at } = after;
  const common = { jobId, requestedBy, at, state, progress: jobProgress(after) };
  const list: JobEvent[] = [];
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

function destinationChange(before: Destination | undefined, after: Destination): EventType | null {
  if (before?.state !== after.state) return `destination.${after.state}`;
  if (before.stopping === null && after.stopping !== null) return 'destination.stopping';
  return before.progress === after.progress ? null : 'destination.progress';
}

function summary(one: Destination): JobEvent['destination'] {
  const { spec, state, imageId, progress, etaSeconds, error } = one;
  const { account, region } = spec;
  return { account, region, state, imageId, progress, etaSeconds, errorCode: error?.code ?? null };
}
