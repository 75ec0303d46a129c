import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Message } from './protobuf.ts';
import { bytesOf, numberOf, readMessage, textOf } from './protobuf.ts';

/** A span as the collector receives it. Ids are hexadecimal; `parentId` is empty at the root of a trace. */
export interface ReceivedSpan {
  service: string;
  traceId: string;
  spanId: string;
  parentId: string;
  name: string;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number;
  /** 2 means an error. */
  status: number;
  /** Its attributes. */
  message: string;
  attributes: Record<string, string | number>;
  /** Ids of linked traces. */
  links: string[];
}

export interface Collector {
  url: string;
  spans: ReceivedSpan[];
  /** The headers of each request. */
  headers: IncomingHttpHeaders[];
  close(): Promise<void>;
}

/** An OpenTelemetry collector on loopback: OTLP over HTTP, in protobuf. `silent`: it accepts requests and never answers. */
export async function startCollector({ silent = false } = {}): Promise<Collector> {
  const spans: ReceivedSpan[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      headers.push(request.headers);
      if (request.url === '/v1/traces') spans.push(...spansOf(body));
      if (!silent) response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    headers,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Field numbers: opentelemetry/proto/collector/trace/v1 and trace/v1. */
function spansOf(body: Buffer): ReceivedSpan[] {
  return bytesOf(readMessage(body), 1).flatMap((bytes) => {
    const resourceSpans = readMessage(bytes);
    const [resource = Buffer.alloc(0)] = bytesOf(resourceSpans, 1);
    const service = String(attributesOf(readMessage(resource), 1)['service.name']);
    return bytesOf(resourceSpans, 2).flatMap((scope) =>
      bytesOf(readMessage(scope), 2).map((span) => toSpan(service, readMessage(span))),
    );
  });
}

function toSpan(service: string, span: Message): ReceivedSpan {
  const hex = (message: Message, field: number) => bytesOf(message, field)[0]?.toString('hex') ?? '';
  const [status = Buffer.alloc(0)] = bytesOf(span, 15);
  return {
    service,
    traceId: hex(span, 1),
    spanId: hex(span, 2),
    parentId: hex(span, 4),
    name: textOf(span, 5),
    kind: numberOf(span, 6),
    attributes: attributesOf(span, 9),
    links: bytesOf(span, 13).map((link) => hex(readMessage(link), 1)),
    status: numberOf(readMessage(status), 3),
    message: textOf(readMessage(status), 2),
  };
}

function attributesOf(message: Message, field: number): Record<string, string | number> {
  const pairs = bytesOf(message, field).map((bytes) => {
    const pair = readMessage(bytes);
    const [value = Buffer.alloc(0)] = bytesOf(pair, 2);
    const any = readMessage(value);
    return [textOf(pair, 1), any.has(3) ? numberOf(any, 3) : textOf(any, 1)];
  });
  return Object.fromEntries(pairs);
}
