import { Readable } from 'node:stream';
import { HEARTBEAT, PREAMBLE } from './frames.ts';

/** From here on {@link EventStream.drained} waits for the reader, bytes. */
const HIGH_WATER_MARK = 16 * 1024;
/** A reader that is so far behind is dropped, bytes. The kernel holds some more. */
const MAX_BEHIND = 256 * 1024;

/**
 * One client's stream of server-sent events. It is never waited for by anyone but its own reading of the log: a client
 * that falls too far behind, or that takes nothing from one heartbeat to the next, is dropped. It comes back with
 * Last-Event-ID and has missed nothing.
 */
export class EventStream extends Readable {
  readonly #timer: NodeJS.Timeout;
  readonly #lifetime: NodeJS.Timeout;
  /** Bytes that were sent, and how many of them the client had taken at the last heartbeat. */
  #sent = 0;
  #taken = 0;
  #ended = false;
  #drained = Promise.withResolvers<void>();

  /** Emits `heartbeat` every `heartbeatMs` milliseconds until it is closed, and ends by itself after `lifetimeMs`. */
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

  /** Sends at once, or drops the client that is too far behind for that. */
  send(frame: Buffer): void {
    if (this.destroyed || this.#ended) return;
    this.#sent += frame.length;
    this.push(frame);
    if (this.readableLength > MAX_BEHIND) this.destroy();
  }

  /** Resolves as soon as more can be sent without piling up, or the client is gone. */
  async drained(): Promise<void> {
    if (this.destroyed || this.readableLength < HIGH_WATER_MARK) return;
    this.#drained = Promise.withResolvers<void>();
    await this.#drained.promise;
  }

  /** Ends the stream after what was sent. */
  end(): void {
    if (this.#ended || this.destroyed) return;
    this.#ended = true;
    this.push(null);
  }

  /** Ends the stream now: what a slow client has not taken yet is lost to it. */
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
