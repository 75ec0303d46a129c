import { expect, test } from 'vitest';
import { Redis } from 'ioredis';
import { connectRedis } from '../../src/queue/connections.ts';
import { testRedisUrl } from '../helpers/redis.ts';

function optionsOf(kind: Parameters<typeof connectRedis>[1]): Partial<Redis['options']> {
  const redis = connectRedis(testRedisUrl(), kind, () => {});
  redis.disconnect();
  return redis instanceof Redis ? redis.options : {};
}

test('requests give up a Redis that is away within a second, and never queue for it', () => {
  for (const kind of ['fail-fast', 'optional'] as const) {
    const options = optionsOf(kind);
    expect(options.commandTimeout).toBeLessThan(1000);
    expect(options).toMatchObject({ enableOfflineQueue: false, maxRetriesPerRequest: 1 });
  }
});

test('no connection that is open and silent is kept', () => {
  for (const kind of ['fail-fast', 'optional', 'blocking'] as const)
    expect(optionsOf(kind).socketTimeout).toBeGreaterThan(0);
  // BullMQ's blocking reads are silent for as long as ten seconds by design.
  expect(optionsOf('blocking').socketTimeout).toBeGreaterThan(10_000);
});
