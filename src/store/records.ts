import type { JobEvent } from '../domain/job-events.ts';
import type { Job } from '../domain/job.ts';
import { pack, unpack } from './packed.ts';
import type { LoggedEvent, PendingCopy } from './store.ts';

// The store alone writes these texts, so their shape is known: here JSON becomes a type again.

/** The fields of a job's hash that hold its record, one or the other. */
export const RECORD_FIELDS = ['record', 'packed'] as const;
type RecordField = (typeof RECORD_FIELDS)[number];

/** Characters up to which a record is plain JSON. A longer one is packed. */
const PLAIN = 65_536;

/** A record as it is kept. */
export function recordOf(job: Job): { field: RecordField; text: string } {
  const json = JSON.stringify(job);
  return json.length <= PLAIN ? { field: 'record', text: json } : { field: 'packed', text: pack(job) };
}

/** A job by its {@link RECORD_FIELDS}; `null` where it has neither. */
export function parseJob([json, packed]: readonly (string | null | undefined)[]): Job | null {
  if (json) {
    const record: Job = JSON.parse(json);
    return record;
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what was packed is what is read
  return packed ? (unpack(packed) as Job) : null;
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
  const pending: Omit<PendingCopy, 'imageId'> = JSON.parse(json);
  return pending;
}
