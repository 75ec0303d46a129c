import { integer, number } from '../setting.ts';

/** How long jobs are kept, and how their events are streamed. */
export const JOBS = {
  IDEMPOTENCY_DAYS: number({
    default: 7,
    minimum: 0.0001,
    maximum: 365,
    description:
      'days for which the answer to a request with an Idempotency-Key is given again; after that the request counts as a new one',
  }),
  JOB_RETENTION_DAYS: number({
    default: 30,
    minimum: 0.0001,
    maximum: 3650,
    description: 'days for which a finished job is kept',
  }),
  EVENT_STREAMS: integer({
    default: 2000,
    minimum: 0,
    maximum: 50_000,
    description: 'event streams that one API process keeps open at most',
  }),
  EVENT_STREAMS_PER_CALLER: integer({
    default: 50,
    minimum: 1,
    maximum: 50_000,
    description: "how many of them may be the same caller's",
  }),
  EVENT_STREAM_MINUTES: number({
    default: 60,
    minimum: 0.001,
    maximum: 10_080,
    description:
      'minutes after which an event stream ends, so that its client comes back with credentials that still hold',
  }),
  EVENT_HEARTBEAT_SECONDS: number({
    default: 15,
    minimum: 0.05,
    maximum: 300,
    description:
      'seconds between two signs of life on an event stream; a client that takes nothing in between is dropped',
  }),
};
