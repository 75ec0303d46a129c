import type { JobHappening } from '../domain/job-events.ts';
import type { CommonSpec, CopyJob, CopySpec, Destination, Job } from '../domain/job.ts';
import type { JobEvent, PendingCopy } from './store.ts';

// The store alone writes these texts, so their shape is known: here JSON becomes a type again.

/** A record as Redis has it where it is long: what a destination does not say itself is said in `common`. */
type Compact = Omit<CopyJob, 'destinations'> & {
  common: CommonSpec;
  destinations: (Omit<Destination, 'spec'> & {
    spec: Omit<CopySpec, keyof CommonSpec> & Partial<CommonSpec>;
  })[];
};

/**
 * Characters that the record of a new job may repeat. Below that it is written as earlier versions read it: their workers would copy
 * without the tags that stand in `common`.
 */
const MOST_REPEATED = 16 * 1024;

export function parseJob(json: string): Job {
  // A record of an earlier version has none of these.
  const unknown = { notify: [], deliveries: [], requestId: null, traceparent: null };
  const record: Job | Compact = { ...unknown, ...JSON.parse(json) };
  return isCompact(record) ? expanded(record) : record;
}

function isCompact(record: Job | Compact): record is Compact {
  return 'common' in record;
}

/**
 * The record's JSON. What many destinations have in common stands once in the record of a new job, and from then on in each of its
 * versions; the record of a job that an earlier version made stays in its form, since workers of that version may still be there.
 */
export function serialiseJob(job: Job, isNew: boolean): string {
  if (job.kind === 'copy' && job.common !== undefined) return JSON.stringify(compacted(job));
  const json = JSON.stringify(job);
  if (job.kind !== 'copy' || !isNew || json.length <= MOST_REPEATED) return json;
  const short = JSON.stringify(compacted(job));
  return json.length - short.length > MOST_REPEATED ? short : json;
}

function compacted(job: CopyJob): Compact {
  const { tags = {}, description = null } = job.destinations[0]?.spec ?? {};
  const tagsSaid = JSON.stringify(tags);
  const destinations = job.destinations.map(
    ({ spec: { tags: own, description: text, ...rest }, ...one }) => ({
      ...one,
      spec: {
        ...rest,
        ...(own !== tags && JSON.stringify(own) !== tagsSaid && { tags: own }),
        ...(text !== description && { description: text }),
      },
    }),
  );
  return { ...job, common: { tags, description }, destinations };
}

function expanded(job: Compact): CopyJob {
  const destinations = job.destinations.map((one) => ({ ...one, spec: { ...job.common, ...one.spec } }));
  return { ...job, destinations };
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
