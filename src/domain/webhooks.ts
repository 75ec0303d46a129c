import { scopeKey } from './ami.ts';
import type { Attempt, Delivery } from './delivery.ts';
import type { CopyJob, Job } from './job.ts';
import { findDestination, isFinished, jobState } from './job.ts';
import type { JobEvent } from './job-events.ts';
import { FINAL_EVENTS, eventsBetween } from './job-events.ts';

/** The result of one try. `again` may be retried; `refused` and `gone` are final. */
export type AttemptResult =
  | { outcome: 'delivered'; status: number }
  | { outcome: 'again'; status: number | null; error: string }
  | { outcome: 'refused'; error: string }
  | { outcome: 'gone' };

/** Milliseconds. */
export interface RetryTimes {
  /** The first wait. Each further wait is three times as long, up to {@link LONGEST_WAIT}. */
  backoffMs: number;
  /** The time after which no new try is made. */
  retryMs: number;
}

const LONGEST_WAIT = 12 * 3_600_000;
const ATTEMPTS_KEPT = 20;
/** More than a usual job has: fifty destinations and a few endpoints. */
const DELIVERIES_KEPT = 500;

export function webhookId(job: Job, { n }: Delivery): string {
  return `msg_${job.id}_${n}`;
}

/** The next version of a record, with deliveries for what has ended in it. */
export function announce(before: Job, after: Job): Job {
  const ends =
    after.notify.length === 0 ? [] : eventsBetween(before, after).filter((one) => isEnd(after, one));
  if (ends.length === 0) return after;
  const last = after.deliveries.at(-1)?.n ?? 0;
  const news = ends.flatMap((end) => {
    const message = messageOf(after, end);
    return after.notify.map((url) => ({ url, ...message }));
  });
  const added = news.map((one, i): Delivery => ({
    n: last + i + 1,
    ...one,
    state: 'pending',
    at: after.updatedAt,
    nextAt: after.updatedAt,
    since: after.updatedAt,
    attempts: [],
  }));
  return { ...after, deliveries: bounded([...after.deliveries, ...added], mostFor(after)) };
}

function isEnd(job: Job, { type, destination }: JobEvent): boolean {
  if (destination === null) return FINAL_EVENTS.has(type);
  const one = job.kind === 'copy' ? findDestination(job, scopeKey(destination)) : undefined;
  return one !== undefined && type === `destination.${one.state}` && isFinished(one);
}

/** Room for twice as many messages as the job has ends, because a retry makes it end again. */
function mostFor({ notify, ...job }: Job): number {
  const ends = 1 + (job.kind === 'copy' ? job.destinations.length : 0);
  return Math.max(DELIVERIES_KEPT, 2 * ends * notify.length);
}

/**
 * Drops deliveries that are over first, then the oldest pending ones. A job may be retried without limit while its receivers
 * are down.
 */
function bounded(all: Delivery[], most: number): Delivery[] {
  const isOver = ({ state }: Delivery) => state !== 'pending';
  const byUse = [...all.filter(isOver), ...all.filter((one) => !isOver(one))];
  const dropped = new Set(byUse.slice(0, Math.max(0, all.length - most)));
  return all.filter((one) => !dropped.has(one));
}

function messageOf(job: Job, { destination }: JobEvent): Pick<Delivery, 'event' | 'data'> {
  const { id, kind, image, requestedBy } = job;
  const common = { jobId: id, kind, image, requestedBy, state: jobState(job) };
  if (destination !== null && job.kind === 'copy') {
    const one = summaries(job).find((each) => scopeKey(each) === scopeKey(destination));
    return { event: 'destination.finished', data: { ...common, destination: one } };
  }
  const more = job.kind === 'copy' ? { destinations: summaries(job) } : { error: job.error };
  return { event: 'job.finished', data: { ...common, ...more } };
}

function summaries({ destinations }: CopyJob) {
  return destinations.map(({ spec, state, imageId, error }) => {
    const failure = error === null ? null : { code: error.code, message: error.message };
    return { account: spec.account, region: spec.region, name: spec.name, state, imageId, error: failure };
  });
}

/** Changes one delivery; `null` where it is not pending (any more). */
function changing(n: number, change: (one: Delivery, now: number) => Delivery) {
  return (job: Job, now: number): Job | null => {
    const index = job.deliveries.findIndex((one) => one.n === n && one.state === 'pending');
    const delivery = job.deliveries[index];
    if (delivery === undefined) return null;
    return { ...job, deliveries: job.deliveries.with(index, change(delivery, now)) };
  };
}

/** Records a try: delivered, to be tried again, or given up. `random` is from 0 to 1. */
export function recordAttempt(n: number, result: AttemptResult, times: RetryTimes, random = Math.random()) {
  const record = changing(n, (one, now) => {
    const attempts = [...one.attempts, attemptOf(result, now)].slice(-ATTEMPTS_KEPT);
    if (result.outcome === 'delivered') return { ...one, attempts, state: 'delivered', nextAt: null };
    const nextAt = now + waitAfter(one.attempts.length, times, random);
    if (result.outcome === 'again' && nextAt <= one.since + times.retryMs)
      return { ...one, attempts, nextAt };
    return { ...one, attempts, state: 'failed', nextAt: null };
  });
  if (result.outcome !== 'gone') return record;
  return (job: Job, now: number) => {
    const url = job.deliveries.find((one) => one.n === n)?.url;
    const recorded = record(job, now);
    return recorded === null || url === undefined ? recorded : withoutEndpoint(recorded, url);
  };
}

function attemptOf(result: AttemptResult, at: number): Attempt {
  if (result.outcome === 'gone') return { at, status: 410, error: 'it wants no more (410)' };
  if (result.outcome === 'refused') return { at, status: null, error: result.error };
  return { at, status: result.status, error: result.outcome === 'again' ? result.error : null };
}

/** The wait is varied by a fifth, so that deliveries that failed together are not repeated together. */
function waitAfter(tries: number, { backoffMs }: RetryTimes, random: number): number {
  return Math.round(Math.min(LONGEST_WAIT, backoffMs * 3 ** tries) * (0.8 + 0.4 * random));
}

/** An endpoint that answered 410 gets no more messages of the job. */
function withoutEndpoint(job: Job, url: string): Job {
  const deliveries = job.deliveries.map((one) =>
    one.url === url && one.state === 'pending' ? { ...one, state: 'failed' as const, nextAt: null } : one,
  );
  return { ...job, deliveries, notify: job.notify.filter((one) => one !== url) };
}

/** Makes a delivery due now and restarts its time, whatever its state. `null` when the job has no delivery of that number. */
export const redeliver =
  (n: number) =>
  (job: Job, now: number): Job | null => {
    const index = job.deliveries.findIndex((one) => one.n === n);
    const delivery = job.deliveries[index];
    if (delivery === undefined) return null;
    const due = { ...delivery, state: 'pending' as const, nextAt: now, since: now };
    return { ...job, deliveries: job.deliveries.with(index, due) };
  };
