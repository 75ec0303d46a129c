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
  /** Milliseconds between two signs of life, after which a client that takes nothing is dropped. */
  heartbeatMs: number;
  /** After so many milliseconds the client has to come back, and earlier where its credentials end. */
  maxAgeMs: number;
}

/** A log to be streamed. */
export interface StreamedLog {
  source: LogSource;
  start: StartingPoint;
  /** Nothing is to come unless the log already has it. */
  over: boolean;
  /** Path at which things are to be read by a client that may have missed events. */
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

/** Keeps the open streams: no more than may be, and none when the server closes. */
export const eventStreams = fp<EventStreamsOptions>(
  async (app, { limits, metrics, authenticate }) => {
    const open = new Map<EventStream, string>();
    let closing = false;
    // Before the server stops to listen: an open stream would keep it from closing.
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
      // A proxy that collects the answer before it passes it on would make the events come late.
      void this.headers({ 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
      return this.code(200).type('text/event-stream').send(stream);
    });
  },
  { name: 'event-streams', dependencies: ['problem-details'] },
);

/** A stream is open for long, and was let in once: what its caller has lost meanwhile ends it. */
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
    // Where tokens can't be checked right now the stream goes on: it ends with its token all the same.
    if (error instanceof AmiferryError && error.code === 'unauthenticated') stream.end();
  }
}

function admit({ total, perCaller }: StreamLimits, all: number, own: () => number): void {
  if (all >= total)
    throw new AmiferryError(
      'overloaded',
      'this process has as many event streams as it may: try again later',
    );
  if (own() >= perCaller) {
    const message = `you have ${perCaller} event streams open, and no more are allowed: close one, or follow GET /events`;
    throw new AmiferryError('too-many-streams', message);
  }
}

function countOf(open: ReadonlyMap<EventStream, string>, caller: string): number {
  return [...open.values()].filter((one) => one === caller).length;
}
