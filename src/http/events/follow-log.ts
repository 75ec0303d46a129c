import { setTimeout as sleep } from 'node:timers/promises';
import { compareEventIds } from '../../store/event-log.ts';
import type { LoggedEvent } from '../../store/store.ts';
import type { EventStream } from './event-stream.ts';
import { eventFrame } from './frames.ts';

/** A log that can be followed while it grows. */
export interface LogSource {
  /** The events after an id, oldest first, at most `limit`. */
  read(after: string, limit: number): Promise<LoggedEvent[]>;
  /** Calls back for each event, and whenever events may have been missed. Returns a function that stops it. */
  listen(hear: (event: LoggedEvent) => void, missed: () => void): () => void;
  /** Whether an event is sent to the client. */
  shows(event: LoggedEvent): boolean;
  /** Whether the stream ends after an event if no other follows. */
  isEnd(event: LoggedEvent): boolean;
}

const PAGE = 200;
/** The wait before reading the log again after a failure, milliseconds. */
const RETRY_MS = 500;

/**
 * Sends a log to one client: the events after an id that are in it, then each new one. No gap, no repetition:
 *
 *   reading ──the log is read to its end, and the feed sent nothing meanwhile──▶ live
 *      ▲                                                                          │
 *      └───── the feed was interrupted, or a heartbeat checks that it was not ────┘
 *
 * Listening starts before reading, and an event is in the log before the feed sends it. So events from the feed that arrive
 * while reading are not kept: they cause one more reading. Once live, an event that was already sent is recognised by its id.
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

  /** Sends the events after the id `after`. `over`: no new events will be added to the log. */
  constructor(source: LogSource, stream: EventStream, after: string, over: boolean) {
    this.#source = source;
    this.#stream = stream;
    this.#last = after;
    this.#over = over;
  }

  /** Starts sending, and continues until the stream is closed. */
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

  /** Redis is unavailable: the client is not notified, since no event is lost. */
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
