import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { testPrefix, testRedisUrl } from '../helpers/redis.ts';
import type { Service } from '../helpers/service.ts';
import { startService } from '../helpers/service.ts';

/** A Redis user who may do everything but what BullMQ asks for first. */
const user = testPrefix().slice(1, -1);

let service: Service;
let admin: Redis;
beforeEach(async () => {
  admin = new Redis(testRedisUrl());
  await admin.call('ACL', 'SETUSER', user, 'on', '>secret', '~*', '&*', '+@all', '-info');
  const url = new URL(testRedisUrl());
  [url.username, url.password] = [user, 'secret'];
  service = await startService({ workers: 0, redisUrl: url.href });
});
afterEach(async () => {
  await service.stop();
  await admin.call('ACL', 'DELUSER', user);
  admin.disconnect();
});

test('a Redis user who lacks a right stops the start of a worker, and nothing else in its process', async () => {
  await expect(service.startWorker()).rejects.toThrow(/NOPERM.*info/);
});
