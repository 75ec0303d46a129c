import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { keysOf } from '../../src/dev/drop-keys.ts';

export { dropPrefix, keysOf } from '../../src/dev/drop-keys.ts';

/** The Redis of this test run (see global-redis.ts). */
export function testRedisUrl(): string {
  const url = process.env['REDIS_URL'];
  if (!url) throw new Error('REDIS_URL is not set: global-redis.ts has not run');
  return url;
}

/** A fresh QUEUE_PREFIX, so that tests share a Redis and never a key. */
export function testPrefix(): string {
  return `{t${randomBytes(6).toString('hex')}}`;
}

/** Fails unless the test left no key behind. */
export async function expectClean(redis: Redis, prefix: string): Promise<void> {
  expect(await keysOf(redis, prefix)).toEqual([]);
}

/**
 * The commands about keys of a prefix that clients sent while something ran, in order. What a script does inside Redis is
 * not among them: it costs no round trip.
 */
export async function clientCommands(
  redis: Redis,
  prefix: string,
  run: () => Promise<unknown>,
): Promise<string[]> {
  const seen: string[] = [];
  const end = randomBytes(6).toString('hex');
  const over = Promise.withResolvers<void>();
  const monitor = await redis.monitor();
  monitor.on('monitor', (_time: string, [command = '', ...args]: string[], source: string) => {
    if (args.includes(end)) over.resolve();
    if (source !== 'lua' && args.some((one) => one.includes(prefix))) seen.push(command.toUpperCase());
  });
  await run();
  await redis.echo(end);
  await over.promise;
  monitor.disconnect();
  return seen;
}
