import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the ports that Linux gives to outgoing connections, and to servers that listen on port 0 (ip_local_port_range). */
const FIRST = 10_240;
/** How many ports a process of the tests has to itself; there are four ranges of this size. */
const RANGE = 5600;

const range = FIRST + RANGE * (Number(process.env['VITEST_POOL_ID'] ?? 0) % 4);
let next = randomInt(RANGE);

/**
 * A free loopback port for a process that a test starts. No other test is given it before that process listens there: each process
 * of vitest takes ports from a range of its own, one after the other.
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
