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
