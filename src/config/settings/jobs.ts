import { integer, number } from '../setting.ts';

/** How long jobs are kept, and how their events are streamed. */
export const JOBS = {
  IDEMPOTENCY_DAYS: number({
    default: 7,
    minimum: 0.0001,
    maximum: 365,
    description:
      'days for which a repeated request with the same Idempotency-Key gets the first answer; after that it counts as a new request',
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
    description: 'most event streams that one API process keeps open',
  }),
  EVENT_STREAMS_PER_CALLER: integer({
    default: 50,
    minimum: 1,
    maximum: 50_000,
    description: 'most event streams of one caller',
  }),
  EVENT_STREAM_MINUTES: number({
    default: 60,
    minimum: 0.001,
    maximum: 10_080,
    description:
      'minutes after which an event stream ends, so that its client reconnects with valid credentials',
  }),
  EVENT_HEARTBEAT_SECONDS: number({
    default: 15,
    minimum: 0.05,
    maximum: 300,
    description:
      'seconds between two heartbeats on an event stream; a client that reads nothing in between is disconnected',
  }),
};
