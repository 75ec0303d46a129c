import { Readable } from 'node:stream';
import { HEARTBEAT, PREAMBLE } from './frames.ts';

/** The number of unsent bytes above which {@link EventStream.drained} waits. */
const HIGH_WATER_MARK = 16 * 1024;
/** The number of unsent bytes at which a client is disconnected. The kernel buffers some more. */
const MAX_BEHIND = 256 * 1024;

/**
 * The stream of server-sent events to one client. Only its own reading of the log waits for a slow client. A client that is
 * too far behind, or that reads nothing between two heartbeats, is disconnected. It reconnects with Last-Event-ID and misses
 * nothing.
 */
export class EventStream extends Readable {
  readonly #timer: NodeJS.Timeout;
  readonly #lifetime: NodeJS.Timeout;
  /** Bytes written, and how many of them the client had read at the last heartbeat. */
  #sent = 0;
  #taken = 0;
  #ended = false;
  #drained = Promise.withResolvers<void>();

  /** Sends `heartbeat` every `heartbeatMs` milliseconds until it is closed, and closes itself after `lifetimeMs`. */
  constructor(heartbeatMs: number, lifetimeMs: number) {
    super({ highWaterMark: HIGH_WATER_MARK });
    this.#timer = setInterval(() => this.#beat(), heartbeatMs).unref();
    this.#lifetime = setTimeout(() => this.end(), lifetimeMs).unref();
    this.once('close', () => {
      clearInterval(this.#timer);
      clearTimeout(this.#lifetime);
      this.#drained.resolve();
    });
    this.send(PREAMBLE);
  }

  /** Sends at once, or disconnects the client if it is too far behind. */
  send(frame: Buffer): void {
    if (this.destroyed || this.#ended) return;
    this.#sent += frame.length;
    this.push(frame);
    if (this.readableLength > MAX_BEHIND) this.destroy();
  }

  /** Resolves when more can be sent without exceeding the buffer, or when the client has disconnected. */
  async drained(): Promise<void> {
    if (this.destroyed || this.readableLength < HIGH_WATER_MARK) return;
    this.#drained = Promise.withResolvers<void>();
    await this.#drained.promise;
  }

  /** Closes the stream after all that was sent. */
  end(): void {
    if (this.#ended || this.destroyed) return;
    this.#ended = true;
    this.push(null);
  }

  /** Closes the stream now: bytes that a slow client has not read yet are lost. */
  cut(): void {
    if (this.readableLength > 0) this.destroy();
    else this.end();
  }

  override _read(): void {
    this.#drained.resolve();
  }

  #beat(): void {
    const taken = this.#sent - this.readableLength;
    if (this.readableLength > 0 && taken === this.#taken) return void this.destroy();
    this.#taken = taken;
    this.send(HEARTBEAT);
    this.emit('heartbeat');
  }
}
