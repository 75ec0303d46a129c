import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Received {
  headers: IncomingHttpHeaders;
  body: string;
  path: string;
}

export interface Answer {
  status: number;
  headers?: Record<string, string>;
}

export interface Receiver {
  port: number;
  url: string;
  received: Received[];
  close(): Promise<void>;
}

/** An endpoint for webhooks on loopback. `answer` is told how many came before; `null` never answers. */
export async function startReceiver(
  answer: (before: number, one: Received) => Answer | null,
): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const one = { headers: request.headers, body, path: request.url ?? '' };
      const given = answer(received.length, one);
      received.push(one);
      if (given !== null) response.writeHead(given.status, given.headers ?? {}).end('thank you');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}/hook`,
    received,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
