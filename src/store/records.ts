import type { JobEvent } from '../domain/job-events.ts';
import type { Job } from '../domain/job.ts';
import { AmiferryError } from '../errors.ts';
import { pack, unpack } from './packed.ts';
import type { LoggedEvent } from './store.ts';

// Only the store writes these texts, so their shape is known. Here JSON becomes a type again.

/** The fields of a job's hash: one of them has its record. */
export const RECORD_FIELDS = ['record', 'packed'] as const;
type RecordField = (typeof RECORD_FIELDS)[number];

type StoredJob = Job & { schemaVersion: number };

/**
 * The version of the form of records, in each of them. It is raised when a process of the version before could no longer read them, or
 * would damage them by a write; fields that are only added need no new version, since writes keep the fields that they do not know.
 */
export const SCHEMA_VERSION = 1;

/** Characters up to which a record is plain JSON. A longer one is packed. */
const PLAIN = 65_536;

/** A record as Redis stores it. */
export function recordOf(job: Job): { field: RecordField; text: string } {
  const record: StoredJob = { schemaVersion: SCHEMA_VERSION, ...job };
  const json = JSON.stringify(record);
  return json.length <= PLAIN ? { field: 'record', text: json } : { field: 'packed', text: pack(record) };
}

/** A job by its {@link RECORD_FIELDS}; `null` if it has neither. @throws {AmiferryError} `record-too-new` */
export function parseJob([json, packed]: readonly (string | null | undefined)[]): Job | null {
  const stored = parseStored(json, packed);
  if (stored === null) return null;
  const { schemaVersion, ...job } = stored;
  if (schemaVersion > SCHEMA_VERSION) throw tooNew(job.id, schemaVersion);
  return job;
}

function parseStored(json: string | null | undefined, packed: string | null | undefined): StoredJob | null {
  if (json) {
    const record: StoredJob = JSON.parse(json);
    return record;
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what was packed is what is read
  return packed ? (unpack(packed) as StoredJob) : null;
}

function tooNew(id: string, version: number): AmiferryError {
  const message = `the record of job ${id} has schema version ${version}, and this process reads up to ${SCHEMA_VERSION}: a newer version of the service wrote it. Finish the deployment of the newer version`;
  return new AmiferryError('record-too-new', message);
}

/** Whether a job could not be read because a newer version of this service wrote it: it is left to that version. */
export function isTooNew(error: unknown): boolean {
  return error instanceof AmiferryError && error.code === 'record-too-new';
}

export function parseJobEvent(json: string): JobEvent {
  const event: JobEvent = JSON.parse(json);
  return event;
}

/** An event as the log of a job and the feed write it: its id, a space, and the event as JSON. */
export function parseLoggedEvent(text: string): LoggedEvent {
  const space = text.indexOf(' ');
  return { ...parseJobEvent(text.slice(space + 1)), id: text.slice(0, space) };
}
