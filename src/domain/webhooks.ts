import { scopeKey } from './ami.ts';
import type { Attempt, Delivery } from './delivery.ts';
import type { CopyJob, Job } from './job.ts';
import { findDestination, isFinished, jobState } from './job.ts';
import type { JobEvent } from './job-events.ts';
import { FINAL_EVENTS, eventsBetween } from './job-events.ts';

/** What one try came to. `again` may pass; `refused` and `gone` will not. */
export type AttemptResult =
  | { outcome: 'delivered'; status: number }
  | { outcome: 'again'; status: number | null; error: string }
  | { outcome: 'refused'; error: string }
  | { outcome: 'gone' };

/** Milliseconds. */
export interface RetryTimes {
  /** The first wait; each next one is three times as long, up to {@link LONGEST_WAIT}. */
  backoffMs: number;
  /** After so long no new try is made. */
  retryMs: number;
}

const LONGEST_WAIT = 12 * 3_600_000;
const ATTEMPTS_KEPT = 20;
/** More than any job of the usual kind has: fifty destinations and a few endpoints. */
const DELIVERIES_KEPT = 500;

export function webhookId(job: Job, { n }: Delivery): string {
  return `msg_${job.id}_${n}`;
}

/** The next version of a record with the deliveries of what has ended in it. */
export function announce(before: Job, after: Job): Job {
  const ends =
    after.notify.length === 0 ? [] : eventsBetween(before, after).filter((one) => isEnd(after, one));
  if (ends.length === 0) return after;
  const last = after.deliveries.at(-1)?.n ?? 0;
  const news = ends.flatMap((end) => {
    const message = told(after, end);
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

/** At least all of the job's ends twice over: a retry makes it end again. */
function mostFor({ notify, ...job }: Job): number {
  const ends = 1 + (job.kind === 'copy' ? job.destinations.length : 0);
  return Math.max(DELIVERIES_KEPT, 2 * ends * notify.length);
}

/** Those that nobody waits for any more go first, then the oldest: a job may be retried without end, and its receivers be away. */
function bounded(all: Delivery[], most: number): Delivery[] {
  const isOver = ({ state }: Delivery) => state !== 'pending';
  const byUse = [...all.filter(isOver), ...all.filter((one) => !isOver(one))];
  const dropped = new Set(byUse.slice(0, Math.max(0, all.length - most)));
  return all.filter((one) => !dropped.has(one));
}

function told(job: Job, { destination }: JobEvent): Pick<Delivery, 'event' | 'data'> {
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

/** Writes down a try: delivered, to be tried again, or given up. `random` is from 0 to 1. */
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

/** A fifth more or less, so that those who failed together don't come back together. */
function waitAfter(tries: number, { backoffMs }: RetryTimes, random: number): number {
  return Math.round(Math.min(LONGEST_WAIT, backoffMs * 3 ** tries) * (0.8 + 0.4 * random));
}

/** Nothing more of the job goes to an endpoint that said 410. */
function withoutEndpoint(job: Job, url: string): Job {
  const deliveries = job.deliveries.map((one) =>
    one.url === url && one.state === 'pending' ? { ...one, state: 'failed' as const, nextAt: null } : one,
  );
  return { ...job, deliveries, notify: job.notify.filter((one) => one !== url) };
}

/** Has a delivery sent now, with all its time before it, whatever became of it. `null` when there is none of that number. */
export const redeliver =
  (n: number) =>
  (job: Job, now: number): Job | null => {
    const index = job.deliveries.findIndex((one) => one.n === n);
    const delivery = job.deliveries[index];
    if (delivery === undefined) return null;
    const due = { ...delivery, state: 'pending' as const, nextAt: now, since: now };
    return { ...job, deliveries: job.deliveries.with(index, due) };
  };
