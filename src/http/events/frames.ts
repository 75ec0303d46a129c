import type { JobEvent } from '../../domain/job-events.ts';
import type { LoggedEvent } from '../../store/store.ts';

/** How long a client should wait before it connects again, milliseconds. */
const RETRY_MS = 2000;

/** The first bytes of a stream: the time after which a client reconnects. */
export const PREAMBLE = Buffer.from(`retry: ${RETRY_MS}\n\n`);

/** A comment, which clients ignore: it keeps proxies from closing the connection as idle. */
export const HEARTBEAT = Buffer.from(': still here\n\n');

/** One event in the format of the HTML standard, section 9.2.5. JSON has no line breaks, so one data line is enough. */
function frame(id: string, type: string, data: object): Buffer {
  return Buffer.from(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
}

const frames = new WeakMap<JobEvent, Buffer>();

/** Encodes an event. The feed passes the same object to all listeners, so it is encoded once for all of them. */
export function eventFrame(event: LoggedEvent): Buffer {
  const known = frames.get(event);
  if (known !== undefined) return known;
  const { id, type, at, ...rest } = event;
  const made = frame(id, type, { type, at: new Date(at).toISOString(), ...rest });
  frames.set(event, made);
  return made;
}

/** An event that says that earlier events may have been missed. @param read the path at which to read the current state */
export function resyncFrame(id: string, read: string): Buffer {
  return frame(id, 'resync', { type: 'resync', read });
}
