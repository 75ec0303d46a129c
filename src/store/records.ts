import type { JobEvent } from '../domain/job-events.ts';
import type { Job } from '../domain/job.ts';
import { pack, unpack } from './packed.ts';
import type { LoggedEvent, PendingCopy } from './store.ts';

// The store alone writes these texts, so their shape is known: here JSON becomes a type again.

/** The fields of a job's hash that hold its record, one or the other. */
export const RECORD_FIELDS = ['record', 'packed'] as const;
type RecordField = (typeof RECORD_FIELDS)[number];

/**
 * Characters up to which a record is plain JSON. A longer one is packed, in a field that earlier versions do not read: to them
 * there is no such job, and they leave it to the processes of this version.
 */
const PLAIN = 65_536;

/** A record as it is kept. */
export function recordOf(job: Job): { field: RecordField; text: string } {
  const json = JSON.stringify(job);
  return json.length <= PLAIN ? { field: 'record', text: json } : { field: 'packed', text: pack(job) };
}

/** A job by its {@link RECORD_FIELDS}; `null` where it has neither. */
export function parseJob([json, packed]: readonly (string | null | undefined)[]): Job | null {
  if (json) return complete(JSON.parse(json));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what was packed is what is read
  return packed ? complete(unpack(packed) as Job) : null;
}

/** A record of an earlier version has none of these. */
function complete(record: Job): Job {
  const missing = { notify: [], deliveries: [], requestId: null, traceparent: null };
  return { ...missing, ...record };
}

export function parseJobEvent(json: string): JobEvent {
  const event: JobEvent = JSON.parse(json);
  return event;
}

/** An event as a job's log and the feed have it: its id, a space, and what happened. */
export function parseLoggedEvent(text: string): LoggedEvent {
  const space = text.indexOf(' ');
  return { ...parseJobEvent(text.slice(space + 1)), id: text.slice(0, space) };
}

export function parsePending(json: string): Omit<PendingCopy, 'imageId'> {
  // One of an earlier version has none of these.
  const unknown = { expectedAt: null, attempt: null, known: 0 };
  const pending: Omit<PendingCopy, 'imageId'> = { ...unknown, ...JSON.parse(json) };
  return pending;
}
