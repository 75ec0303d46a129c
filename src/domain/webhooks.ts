import { scopeKey } from './ami.ts';
import type { Attempt, Delivery, Message } from './delivery.ts';
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

export function webhookId(jobId: string, { n }: Pick<Delivery, 'n'>): string {
  return `msg_${jobId}_${n}`;
}

/** A version of a record with the messages that report what has ended in it. */
export interface Announced {
  job: Job;
  messages: Message[];
}

/** The messages for what has ended between two versions of a record: one for each end and endpoint. */
export function announce(before: Job, after: Job): Announced {
  const ends =
    after.notify.length === 0 ? [] : eventsBetween(before, after).filter((one) => isEnd(after, one));
  const messages = ends
    .flatMap((end) => after.notify.map((url) => ({ url, end })))
    .map(({ url, end }, i) => messageOf(after, end, { url, n: after.deliveriesMade + i + 1 }));
  if (messages.length === 0) return { job: after, messages };
  return { job: { ...after, deliveriesMade: after.deliveriesMade + messages.length }, messages };
}

function isEnd(job: Job, { type, destination }: JobEvent): boolean {
  if (destination === null) return FINAL_EVENTS.has(type);
  const one = job.kind === 'copy' ? findDestination(job, scopeKey(destination)) : undefined;
  return one !== undefined && type === `destination.${one.state}` && isFinished(one);
}

/**
 * How many of a job's deliveries are kept, the latest ones: a job may be retried without limit while its receivers are down.
 * There is room for twice as many as the job has ends, because a retry makes it end again.
 */
export function deliveriesKept({ notify, ...job }: Job): number {
  const ends = 1 + (job.kind === 'copy' ? job.destinations.length : 0);
  return Math.max(DELIVERIES_KEPT, 2 * ends * notify.length);
}

function messageOf(job: Job, { destination }: JobEvent, which: Pick<Delivery, 'n' | 'url'>): Message {
  const at = job.updatedAt;
  const event = destination === null ? 'job.finished' : 'destination.finished';
  const delivery: Delivery = {
    ...which,
    event,
    destination: destination === null ? null : scopeKey(destination),
    state: 'pending',
    nextAt: at,
    since: at,
    attempts: [],
  };
  const data = dataOf(job, delivery.destination);
  return { delivery, body: JSON.stringify({ type: event, timestamp: new Date(at).toISOString(), data }) };
}

function dataOf(job: Job, destination: string | null): object {
  const { id, kind, image, requestedBy } = job;
  const common = { jobId: id, kind, image, requestedBy, state: jobState(job) };
  if (job.kind === 'permissions') return { ...common, error: job.error };
  if (destination === null) return { ...common, destinations: summaries(job) };
  return { ...common, destination: summaries(job).find((one) => scopeKey(one) === destination) };
}

function summaries({ destinations }: CopyJob) {
  return destinations.map(({ spec, state, imageId, error }) => {
    const failure = error === null ? null : { code: error.code, message: error.message };
    return { account: spec.account, region: spec.region, name: spec.name, state, imageId, error: failure };
  });
}

/** Returns the next version of a delivery, or `null` where nothing is to be changed. */
export type DeliveryChange = (delivery: Delivery, now: number) => Delivery | null;

/** Records a try: delivered, to be tried again, or given up. `null` where it is not pending (any more). `random` is from 0 to 1. */
export function recordAttempt(
  result: AttemptResult,
  times: RetryTimes,
  random = Math.random(),
): DeliveryChange {
  return (one, now) => {
    if (one.state !== 'pending') return null;
    const attempts = [...one.attempts, attemptOf(result, now)].slice(-ATTEMPTS_KEPT);
    if (result.outcome === 'delivered') return { ...one, attempts, state: 'delivered', nextAt: null };
    const nextAt = now + waitAfter(one.attempts.length, times, random);
    if (result.outcome === 'again' && nextAt <= one.since + times.retryMs)
      return { ...one, attempts, nextAt };
    return { ...one, attempts, state: 'failed', nextAt: null };
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

/** Gives up a pending delivery without a try. */
export const giveUp: DeliveryChange = (one) =>
  one.state === 'pending' ? { ...one, state: 'failed', nextAt: null } : null;

/** An endpoint that answered 410 gets no more messages of the job. `null` where it gets none already. */
export const withoutEndpoint =
  (url: string) =>
  (job: Job): Job | null =>
    job.notify.includes(url) ? { ...job, notify: job.notify.filter((one) => one !== url) } : null;

/** Makes a delivery due now and restarts its time, whatever its state. */
export function redelivered(delivery: Delivery, now: number): Delivery {
  return { ...delivery, state: 'pending', nextAt: now, since: now };
}
