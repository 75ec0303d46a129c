import { createServer } from 'node:http';
import type { Redis } from 'ioredis';

/**
 * A worker's own health for its supervisor: 200 while Redis answers it, else 503. `port` 0 is none.
 */
export async function startHealthServer(
  redis: Redis,
  host: string,
  port: number,
): Promise<{ close(): void } | undefined> {
  if (port === 0) return undefined;
  const server = createServer((_request, response) => {
    redis.ping().then(
      () => response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok"}\n'),
      () =>
        response
          .writeHead(503, { 'content-type': 'application/json' })
          .end('{"status":"redis-unavailable"}\n'),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return { close: () => server.close() };
}
