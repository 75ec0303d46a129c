import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Ports below those that Linux assigns to outgoing connections and to servers that listen on port 0 (ip_local_port_range). */
const FIRST = 10_240;
/** The number of ports for each process of the tests; there are four such ranges. */
const RANGE = 5600;

const range = FIRST + RANGE * (Number(process.env['VITEST_POOL_ID'] ?? 0) % 4);
let next = randomInt(RANGE);

/**
 * Finds a free loopback port for a process that a test starts. No other test gets it before that process listens: each process of
 * vitest takes ports from its own range, one after the other.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = range + (next % RANGE);
    next += 1;
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const free = Promise.withResolvers<boolean>();
  const probe = createServer();
  probe.once('error', () => free.resolve(false));
  probe.listen(port, '127.0.0.1', () => probe.close(() => free.resolve(true)));
  return free.promise;
}
