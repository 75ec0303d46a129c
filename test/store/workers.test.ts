import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { closeRedis, connectRedis, untilReady } from '../../src/queue/connections.ts';
import type { RedisClient } from '../../src/redis-client.ts';
import { storeKeys } from '../../src/store/keys.ts';
import { Workers } from '../../src/store/workers.ts';
import { dropPrefix, keysOf, testPrefix, testRedisUrl } from '../helpers/redis.ts';
import { PATIENCE } from '../helpers/waiting.ts';

const aliveMs = 600_000;

let redis: RedisClient;
let prefix: string;
let workers: Workers;
beforeAll(async () => {
  redis = connectRedis(testRedisUrl(), 'blocking', () => {});
  await untilReady(redis, PATIENCE);
});
beforeEach(() => {
  prefix = testPrefix();
  workers = new Workers(redis, prefix, { aliveMs, freshMs: 0 });
});
afterEach(() => dropPrefix(redis, prefix));
afterAll(() => closeRedis(redis));

/** As if a worker's last heartbeat had been so long ago, milliseconds. */
async function silentFor(id: string, milliseconds: number): Promise<void> {
  await redis.zincrby(storeKeys(prefix).workers, -milliseconds, id);
}

test('a worker counts while it sends heartbeats, whatever the clock of its machine says', async () => {
  expect([await workers.count(), await workers.isAnyRunning()]).toEqual([0, false]);
  await workers.beat('one');
  await workers.beat('one');
  await workers.beat('another');
  expect([await workers.count(), await workers.isAnyRunning()]).toEqual([2, true]);
  await silentFor('one', aliveMs - 60_000);
  expect(await workers.count()).toBe(2);
  await silentFor('one', 120_000);
  expect(await workers.count()).toBe(1);
});

test('one that stops is gone at once, one that was killed leaves nothing behind', async () => {
  await workers.beat('stops');
  await workers.beat('killed');
  await workers.leave('stops');
  expect(await workers.count()).toBe(1);
  await silentFor('killed', aliveMs + 1000);
  await workers.beat('lives');
  expect(await redis.zrange(storeKeys(prefix).workers, 0, '-1')).toEqual(['lives']);
  expect(await redis.pttl(storeKeys(prefix).workers)).toBeGreaterThan(aliveMs - 60_000);
  await workers.leave('lives');
  expect(await keysOf(redis, prefix)).toEqual([]);
});

test('where Redis does not answer nothing is known, which is not "none"', async () => {
  const away = connectRedis(testRedisUrl(), 'fail-fast', () => {});
  await untilReady(away, PATIENCE);
  await closeRedis(away);
  const unknown = new Workers(away, prefix);
  await expect(unknown.count()).rejects.toThrow('Connection is closed.');
  expect(await unknown.isAnyRunning()).toBe(true);
});
