import { setTimeout as sleep } from 'node:timers/promises';
import { compareEventIds } from '../../store/event-log.ts';
import type { LoggedEvent } from '../../store/store.ts';
import type { EventStream } from './event-stream.ts';
import { eventFrame } from './frames.ts';

/** A log that can be followed while it grows. */
export interface LogSource {
  /** The events after an id, oldest first, at most `limit`. */
  read(after: string, limit: number): Promise<LoggedEvent[]>;
  /** Hears each event as it happens, and of every time that some may have been missed. Gives the way to stop it. */
  listen(hear: (event: LoggedEvent) => void, missed: () => void): () => void;
  /** Whether the client is to get an event. */
  shows(event: LoggedEvent): boolean;
  /** Whether the stream is over after an event, if nothing follows it. */
  isEnd(event: LoggedEvent): boolean;
}

const PAGE = 200;
/** After a failed reading of the log, milliseconds. */
const RETRY_MS = 500;

/**
 * Sends a log to one client from some id on: what is in it already, then what happens. Neither gap nor repeat:
 *
 *   reading ──the log is read to its end, and nothing was heard meanwhile──▶ live
 *      ▲                                                                      │
 *      └── the feed was interrupted, or a heartbeat makes sure that it is not ┘
 *
 * Listening starts before reading, and an event is in the log before the feed tells of it. So what is heard while
 * reading need not be kept: it is a reason to read once more. Live, an event that was read already is known by its id.
 */
export class LogFollower {
  readonly #source: LogSource;
  readonly #stream: EventStream;
  readonly #gone = new AbortController();
  #state: 'reading' | 'live' = 'live';
  /** Whether the log may hold more than was read. */
  #news = false;
  #last: string;
  #over: boolean;

  /** Sends what comes after the id `after`. `over`: nothing is to come unless the log already has it. */
  constructor(source: LogSource, stream: EventStream, after: string, over: boolean) {
    this.#source = source;
    this.#stream = stream;
    this.#last = after;
    this.#over = over;
  }

  /** Starts, and goes on until the stream is closed. */
  start(): void {
    const unlisten = this.#source.listen(
      (event) => this.#hear(event),
      () => void this.#catchUp(),
    );
    this.#stream.on('heartbeat', () => void this.#catchUp());
    this.#stream.once('close', () => {
      unlisten();
      this.#gone.abort();
    });
    void this.#catchUp();
  }

  #hear(event: LoggedEvent): void {
    if (this.#state === 'reading') {
      this.#news = true;
      return;
    }
    this.#deliver(event);
    if (this.#over) this.#stream.end();
  }

  async #catchUp(): Promise<void> {
    this.#news = true;
    if (this.#state === 'reading') return;
    this.#state = 'reading';
    while (this.#news && !this.#gone.signal.aborted) {
      this.#news = false;
      await this.#readToEnd().catch(() => this.#tryAgain());
    }
    this.#state = 'live';
    if (this.#over) this.#stream.end();
  }

  async #readToEnd(): Promise<void> {
    for (;;) {
      const page = await this.#source.read(this.#last, PAGE);
      for (const event of page) {
        this.#deliver(event);
        await this.#stream.drained();
      }
      if (page.length < PAGE) return;
    }
  }

  /** Redis is away: the client need not know, since nothing is lost. */
  async #tryAgain(): Promise<void> {
    this.#news = true;
    await sleep(RETRY_MS, undefined, { signal: this.#gone.signal }).catch(() => undefined);
  }

  #deliver(event: LoggedEvent): void {
    if (compareEventIds(event.id, this.#last) <= 0) return;
    this.#last = event.id;
    this.#over = this.#source.isEnd(event);
    if (this.#source.shows(event)) this.#stream.send(eventFrame(event));
  }
}
