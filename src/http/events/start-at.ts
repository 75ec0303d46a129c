import type { LogSpan } from '../../store/event-log.ts';
import { compareEventIds } from '../../store/event-log.ts';

/** Where a stream begins: after which event, and whether the client has to be told that it may have missed some. */
export interface StartingPoint {
  after: string;
  resync: boolean;
}

/** Before every event. */
export const OLDEST = '0-0';

/**
 * Where to go on for a client that has seen events up to `lastEventId`. Ids are times, so one within the log's span
 * has its place there even if its event is gone. Any other is not of this log, or so old that events after it were
 * dropped: replaying all there is would repeat what was seen, so nothing is replayed and the client is told.
 */
export function startAt(span: LogSpan | null, lastEventId: string | undefined, fresh: string): StartingPoint {
  if (lastEventId === undefined || lastEventId === '') return { after: fresh, resync: false };
  const known =
    span !== null &&
    compareEventIds(lastEventId, span.first) >= 0 &&
    compareEventIds(lastEventId, span.last) <= 0;
  return known ? { after: lastEventId, resync: false } : { after: span?.last ?? OLDEST, resync: true };
}
