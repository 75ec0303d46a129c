import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { FileState } from '../checked-file.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { RedisProbe } from '../queue/connections.ts';
import type { EventsState } from './ec2-events.ts';

/** The state of a worker that its health server reports. */
export interface WorkerLooks {
  redis: RedisProbe;
  /** Whether it takes steps; if not, why not. */
  status: () => 'working' | 'starting' | 'wedged';
  /**
   * Where an events queue is set: whether EC2's events are received. The worker is ready without them, since polls find the
   * same changes.
   */
  eventsState: (() => EventsState) | undefined;
  /**
   * The states of the policy file and the endpoints file. The worker is ready with an invalid one, because the previous version
   * stays in force.
   */
  files: readonly FileState[];
  metrics: Pick<Metrics, 'text' | 'contentType'>;
}

/**
 * A worker's own small server. /metrics serves Prometheus. /health/live answers 200 while the process runs. Any other path
 * answers 200 while the worker takes steps and Redis answers it, else 503 with the reason. `port` 0 starts no server. It has no
 * authentication, so it should listen only where trusted clients can reach it.
 */
export async function startHealthServer(
  { redis, status, eventsState, files, metrics }: WorkerLooks,
  host: string,
  port: number,
): Promise<{ close(): void } | undefined> {
  if (port === 0) return undefined;
  const server = createServer((request, response) => {
    if (request.url === '/metrics') {
      response.setHeader('content-type', metrics.contentType);
      return void metrics.text().then((text) => response.end(text));
    }
    if (request.url === '/health/live') return answer(response, 'ok');
    const now = status();
    const more = { events: eventsState?.(), stale: staleOf(files) };
    if (now !== 'working') return answer(response, now, more);
    redis.info().then(
      () => answer(response, 'ok', more),
      () => answer(response, 'redis-unavailable', more),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return { close: () => server.close() };
}

/** What else to report; undefined where there is nothing. */
interface More {
  events?: EventsState | undefined;
  /** The settings whose files are invalid. */
  stale?: string[] | undefined;
}

function staleOf(files: readonly FileState[]): string[] | undefined {
  const found = files.filter(({ stale }) => stale).map(({ setting }) => setting);
  return found.length === 0 ? undefined : found;
}

function answer(response: ServerResponse, status: string, more: More = {}): void {
  response.writeHead(status === 'ok' ? 200 : 503, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ status, ...more })}\n`);
}
