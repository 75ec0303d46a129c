import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { expect } from 'vitest';

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

/** Every key that starts with the prefix. */
export async function keysOf(redis: Redis, prefix: string): Promise<string[]> {
  const found = new Set<string>();
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 1000);
    for (const key of keys) found.add(key);
    cursor = next;
  } while (cursor !== '0');
  return [...found].sort();
}

/** Deletes every key of the prefix, for the end of a test. */
export async function dropPrefix(redis: Redis, prefix: string): Promise<void> {
  const keys = await keysOf(redis, prefix);
  if (keys.length > 0) await redis.unlink(...keys);
}

/** Fails unless the test left no key behind. */
export async function expectClean(redis: Redis, prefix: string): Promise<void> {
  expect(await keysOf(redis, prefix)).toEqual([]);
}
