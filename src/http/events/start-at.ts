import type { LogSpan } from '../../store/event-log.ts';
import { compareEventIds } from '../../store/event-log.ts';

/** Where a stream begins: after which event, and whether the client is notified that it may have missed some. */
export interface StartingPoint {
  after: string;
  resync: boolean;
}

/** The id before every event. */
export const OLDEST = '0-0';

/**
 * Where the stream of a client that has seen events up to `lastEventId` continues. Ids are times, so an id within the log's
 * span has its place in it even if its event is deleted. Any other id is not of this log, or is so old that later events were
 * deleted: replaying the whole log would repeat events, so nothing is replayed and the client is notified.
 */
export function startAt(span: LogSpan | null, lastEventId: string | undefined, fresh: string): StartingPoint {
  if (lastEventId === undefined || lastEventId === '') return { after: fresh, resync: false };
  const known =
    span !== null &&
    compareEventIds(lastEventId, span.first) >= 0 &&
    compareEventIds(lastEventId, span.last) <= 0;
  return known ? { after: lastEventId, resync: false } : { after: span?.last ?? OLDEST, resync: true };
}
