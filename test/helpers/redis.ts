import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { keysOf } from '../../tools/dev/drop-keys.ts';

export { dropPrefix, keysOf } from '../../tools/dev/drop-keys.ts';

/** The Redis of this test run (see global-redis.ts). */
export function testRedisUrl(): string {
  const url = process.env['REDIS_URL'];
  if (!url) throw new Error('REDIS_URL is not set: global-redis.ts has not run');
  return url;
}

/** Makes a new QUEUE_PREFIX, so that tests share a Redis but no keys. */
export function testPrefix(): string {
  return `{t${randomBytes(6).toString('hex')}}`;
}

/** Fails if the test left a key behind. */
export async function expectClean(redis: Redis, prefix: string): Promise<void> {
  expect(await keysOf(redis, prefix)).toEqual([]);
}

/** A line of MONITOR: its source, and the command. */
const MONITORED = /^\+\S+ \[\d+ (?<source>\S+)\] "(?<command>[^"]*)"/;

/**
 * Records the commands on keys of a prefix that clients sent while a function ran, in order. Commands inside of scripts are left
 * out, since they need no round trip. MONITOR uses a plain socket, since ioredis fails on lines directly after its OK.
 */
export async function clientCommands(
  redis: Redis,
  prefix: string,
  run: () => Promise<unknown>,
): Promise<string[]> {
  const seen: string[] = [];
  const end = randomBytes(6).toString('hex');
  const [begun, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { port = 6379, host = '127.0.0.1' } = redis.options;
  const monitor = connect(port, host).once('error', begun.reject);
  createInterface({ input: monitor }).on('line', (line) => {
    if (line === '+OK') begun.resolve();
    if (line.includes(end)) over.resolve();
    const { source = 'lua', command = '' } = MONITORED.exec(line)?.groups ?? {};
    if (source !== 'lua' && line.includes(prefix)) seen.push(command.toUpperCase());
  });
  try {
    monitor.write('MONITOR\r\n');
    await begun.promise;
    await run();
    await redis.echo(end);
    await over.promise;
    return seen;
  } finally {
    monitor.destroy();
  }
}
