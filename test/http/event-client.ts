import type { ClientRequest, IncomingMessage } from 'node:http';
import { get } from 'node:http';
import { until } from '../helpers/waiting.ts';

export interface SeenEvent {
  id: string;
  type: string;
  data: Record<string, unknown>;
}

/** A reader of server-sent events, as a browser would be one (HTML standard, section 9.2.6). */
export class EventClient {
  readonly events: SeenEvent[] = [];
  status = 0;
  headers: IncomingMessage['headers'] = {};
  /** All that came, comments included. */
  text = '';
  closed = false;
  readonly #request: ClientRequest;
  #rest = '';

  /** `onEvent` is called for each event as it comes; `credentials` are headers that say who asks. */
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
    const blocks = (this.#rest + chunk).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = parse(block);
      if (event === null || this.#request.destroyed) continue;
      this.events.push(event);
      onEvent(event);
    }
  }

  /** Goes away without a word. */
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

function parse(block: string): SeenEvent | null {
  const fields = new Map(
    block.split('\n').map((line) => {
      const colon = line.indexOf(': ');
      return [line.slice(0, colon), line.slice(colon + 2)];
    }),
  );
  const [id, type, data] = [fields.get('id'), fields.get('event'), fields.get('data')];
  if (id === undefined || type === undefined || data === undefined) return null;
  return { id, type, data: JSON.parse(data) as Record<string, unknown> };
}
