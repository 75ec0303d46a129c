import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import type { Authenticate } from '../../auth/authenticate.ts';
import type { Principal } from '../../domain/access.ts';
import { AmiferryError } from '../../errors.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { EventStream } from '../events/event-stream.ts';
import type { LogSource } from '../events/follow-log.ts';
import { LogFollower } from '../events/follow-log.ts';
import { resyncFrame } from '../events/frames.ts';
import type { StartingPoint } from '../events/start-at.ts';
import { countedAs, principalOf } from '../principal.ts';

/** Bounds on the streams that one process keeps open. */
export interface StreamLimits {
  total: number;
  perCaller: number;
  /** Milliseconds between two heartbeats; a client that reads nothing in between is disconnected. */
  heartbeatMs: number;
  /** Milliseconds after which a stream ends, or earlier if the caller's credentials expire; the client then reconnects. */
  maxAgeMs: number;
}

/** A log to stream. */
export interface StreamedLog {
  source: LogSource;
  start: StartingPoint;
  /** No new events will be added to the log. */
  over: boolean;
  /** Path at which a client that may have missed events reads the current state. */
  readInstead: string;
}

declare module 'fastify' {
  interface FastifyReply {
    /** Answers with a stream of server-sent events. @throws {AmiferryError} `too-many-streams`, `overloaded` */
    sendEvents(log: StreamedLog): FastifyReply;
  }
}

interface EventStreamsOptions {
  limits: StreamLimits;
  metrics: Pick<Metrics, 'streams'>;
  authenticate: Authenticate | null;
}

/** Holds the open streams: limits their number, and closes them when the server closes. */
export const eventStreams = fp<EventStreamsOptions>(
  async (app, { limits, metrics, authenticate }) => {
    const open = new Map<EventStream, string>();
    let closing = false;
    // In preClose, before the server waits for connections: an open stream would keep it from closing.
    app.addHook('preClose', async () => {
      closing = true;
      for (const stream of open.keys()) stream.cut();
    });

    app.decorateReply('sendEvents', function sendEvents(this: FastifyReply, log: StreamedLog) {
      const { headers } = this.request;
      const caller = principalOf(this.request);
      const counted = countedAs(this.request);
      admit(limits, closing ? Infinity : open.size, () => countOf(open, counted));
      const lifetimeMs = Math.min(limits.maxAgeMs, (caller.expiresAt ?? Infinity) - Date.now());
      const stream = new EventStream(limits.heartbeatMs, lifetimeMs);
      open.set(stream, counted);
      stream.on('heartbeat', () => void endIfWithdrawn(stream, authenticate, headers, caller));
      metrics.streams(1);
      stream.once('close', () => {
        open.delete(stream);
        metrics.streams(-1);
      });
      const { after, resync } = log.start;
      if (resync) stream.send(resyncFrame(after, log.readInstead));
      new LogFollower(log.source, stream, after, log.over).start();
      // Turns off response buffering in proxies, which would delay events.
      void this.headers({ 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
      return this.code(200).type('text/event-stream').send(stream);
    });
  },
  { name: 'event-streams', dependencies: ['problem-details'] },
);

/** Ends a stream whose caller has lost its access since the stream was opened. */
async function endIfWithdrawn(
  stream: EventStream,
  authenticate: Authenticate | null,
  headers: IncomingHttpHeaders,
  caller: Principal,
): Promise<void> {
  try {
    const now = authenticate === null ? caller : await authenticate(headers);
    if (now.id !== caller.id || !caller.scopes.isSubsetOf(now.scopes)) stream.end();
  } catch (error) {
    // While tokens can't be verified the stream stays open: it ends when its token expires in any case.
    if (error instanceof AmiferryError && error.code === 'unauthenticated') stream.end();
  }
}

function admit({ total, perCaller }: StreamLimits, all: number, own: () => number): void {
  if (all >= total)
    throw new AmiferryError(
      'overloaded',
      'this process has reached its limit of event streams: try again later',
    );
  if (own() >= perCaller) {
    const message = `you have ${perCaller} event streams open, which is the limit: close one, or follow GET /events`;
    throw new AmiferryError('too-many-streams', message);
  }
}

function countOf(open: ReadonlyMap<EventStream, string>, caller: string): number {
  return [...open.values()].filter((one) => one === caller).length;
}
