import type { JobEvent } from '../../domain/job-events.ts';
import type { LoggedEvent } from '../../store/store.ts';

/** How long a client should wait before it connects again, milliseconds. */
const RETRY_MS = 2000;

/** What a stream begins with: the time after which to come back when it breaks off. */
export const PREAMBLE = Buffer.from(`retry: ${RETRY_MS}\n\n`);

/** A comment, which readers skip: it keeps proxies from taking the connection for idle. */
export const HEARTBEAT = Buffer.from(': still here\n\n');

/** Text as the HTML standard, section 9.2.5, has it. JSON has no line breaks, so one data line carries all of it. */
function frame(id: string, type: string, data: object): Buffer {
  return Buffer.from(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
}

const frames = new WeakMap<JobEvent, Buffer>();

/** An event for the wire. The feed gives the same object to all its listeners, and so it is made once for all. */
export function eventFrame(event: LoggedEvent): Buffer {
  const known = frames.get(event);
  if (known !== undefined) return known;
  const { id, type, at, ...rest } = event;
  const made = frame(id, type, { type, at: new Date(at).toISOString(), ...rest });
  frames.set(event, made);
  return made;
}

/** Says that events may be missing before here, and where to read how things are. */
export function resyncFrame(id: string, read: string): Buffer {
  return frame(id, 'resync', { type: 'resync', read });
}
