import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { Redis } from 'ioredis';

/**
 * A worker's own health for its supervisor: 200 while it works and Redis answers it, else 503 and why. `port` 0 is none.
 */
export async function startHealthServer(
  redis: Redis,
  isWedged: () => boolean,
  host: string,
  port: number,
): Promise<{ close(): void } | undefined> {
  if (port === 0) return undefined;
  const server = createServer((_request, response) => {
    if (isWedged()) return answer(response, 'wedged');
    redis.ping().then(
      () => answer(response, 'ok'),
      () => answer(response, 'redis-unavailable'),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return { close: () => server.close() };
}

function answer(response: ServerResponse, status: string): void {
  response.writeHead(status === 'ok' ? 200 : 503, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ status })}\n`);
}
