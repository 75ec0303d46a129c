import { Cluster } from 'ioredis';
import type { RedisClient } from '../../src/redis-client.ts';

/** All keys that start with a prefix, sorted. */
export async function keysOf(redis: RedisClient, prefix: string): Promise<string[]> {
  const found = new Set<string>();
  for (const server of redis instanceof Cluster ? redis.nodes('master') : [redis]) {
    let cursor = '0';
    do {
      const [next, keys] = await server.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 1000);
      for (const key of keys) found.add(key);
      cursor = next;
    } while (cursor !== '0');
  }
  return [...found].sort();
}

/** Deletes all keys that start with a prefix. */
export async function dropPrefix(redis: RedisClient, prefix: string): Promise<void> {
  const keys = await keysOf(redis, prefix);
  if (keys.length > 0) await redis.unlink(...keys);
}
