import type { JobHappening } from '../domain/job-events.ts';
import type { Job } from '../domain/job.ts';
import type { JobEvent, PendingCopy } from './store.ts';

// The store alone writes these texts, so their shape is known: here JSON becomes a type again.

export function parseJob(json: string): Job {
  // A record of an earlier version has none of these.
  const job: Job = { notify: [], deliveries: [], requestId: null, traceparent: null, ...JSON.parse(json) };
  return job;
}

export function parseHappening(json: string): JobHappening {
  const happening: JobHappening = JSON.parse(json);
  return happening;
}

/** An event as a job's log and the feed have it: its id, a space, and what happened. */
export function parseEvent(text: string): JobEvent {
  const space = text.indexOf(' ');
  return { ...parseHappening(text.slice(space + 1)), id: text.slice(0, space) };
}

export function parsePending(json: string): Omit<PendingCopy, 'imageId'> {
  // One of an earlier version has none of these.
  const unknown = { expectedAt: null, attempt: null, known: 0 };
  const pending: Omit<PendingCopy, 'imageId'> = { ...unknown, ...JSON.parse(json) };
  return pending;
}
