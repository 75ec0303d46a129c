import type { ClientRequest, IncomingMessage } from 'node:http';
import { get } from 'node:http';
import { eventReader } from '../../console/event-stream.js';
import { until } from '../helpers/waiting.ts';

export interface SeenEvent {
  id: string;
  type: string;
  data: Record<string, unknown>;
}

/** A client of server-sent events over node:http, which sends the headers a browser would send. */
export class EventClient {
  readonly events: SeenEvent[] = [];
  status = 0;
  headers: IncomingMessage['headers'] = {};
  /** All text received, comments included. */
  text = '';
  closed = false;
  readonly #request: ClientRequest;
  readonly #read = eventReader();

  /** `onEvent` is called for each event as it arrives; `credentials` are headers that authenticate the client. */
  constructor(
    url: string,
    lastEventId?: string,
    onEvent: (event: SeenEvent) => void = () => {},
    credentials: Record<string, string> = {},
  ) {
    const resume = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    const headers = { ...credentials, ...resume };
    this.#request = get(url, { headers, agent: false }, (response) => {
      this.status = response.statusCode ?? 0;
      this.headers = response.headers;
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => this.#take(chunk, onEvent));
      response.on('close', () => (this.closed = true));
      response.on('error', () => {});
    });
    this.#request.on('error', () => (this.closed = true));
  }

  #take(chunk: string, onEvent: (event: SeenEvent) => void): void {
    this.text += chunk;
    for (const event of this.#read(chunk)) {
      if (this.#request.destroyed) return;
      this.events.push(event);
      onEvent(event);
    }
  }

  /** Destroys the connection without closing the stream first. */
  close(): void {
    this.#request.destroy();
  }

  untilOpen(): Promise<void> {
    return until(() => this.text !== '' || this.closed);
  }

  untilClosed(): Promise<void> {
    return until(() => this.closed);
  }
}
