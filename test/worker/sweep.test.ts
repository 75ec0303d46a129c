import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sweep } from '../../src/worker/sweep.ts';
import { copyJob } from '../helpers/copy-job.ts';
import { keysOf, testRedisUrl } from '../helpers/redis.ts';
import type { Service } from '../helpers/service.ts';
import { startService } from '../helpers/service.ts';

const DAY = 86_400_000;

let service: Service;
let redis: Redis;
beforeEach(async () => {
  service = await startService({ workers: 0, settings: { retentionMs: DAY / 2 } });
  redis = new Redis(testRedisUrl());
});
afterEach(async () => {
  redis.disconnect();
  await service.stop();
});

test('one sweep drops however many jobs are past their retention, and none that is not', async () => {
  const { store } = service;
  const times = [...Array.from({ length: 250 }, () => store.now() - DAY), store.now()];
  for (const time of times) {
    const job = copyJob({ createdAt: time, updatedAt: time, finishedAt: time });
    const destinations = job.destinations.map((one) => ({
      ...one,
      state: 'succeeded' as const,
      finishedAt: time,
    }));
    await store.create({ ...job, destinations });
  }
  await sweep(service);
  const left = (await keysOf(redis, service.prefix)).filter((key) => key.includes(':job:'));
  expect(left).toHaveLength(1);
});
