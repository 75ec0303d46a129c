import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { STEPS_QUEUE } from '../../src/queue/jobs.ts';
import { testRedisUrl } from '../helpers/redis.ts';
import type { Service } from '../helpers/service.ts';
import { startService } from '../helpers/service.ts';

const SECOND = 1000;
const HOUR = 3_600_000;

let service: Service;
let redis: Redis;
let queue: Queue;
beforeEach(async () => {
  service = await startService({ workers: 0 });
  redis = new Redis(testRedisUrl(), { maxRetriesPerRequest: null });
  queue = new Queue(STEPS_QUEUE, { connection: redis, prefix: service.prefix });
});
afterEach(async () => {
  await queue.close();
  redis.disconnect();
  await service.stop();
});

/** A step that BullMQ delays. The time at which it is due, by this process's clock. */
async function delayed(jobId: string, delay: number): Promise<number> {
  const job = await queue.add('start-copy', {}, { jobId, delay });
  return job.timestamp + delay;
}

test('BullMQ scores a delayed job by its time in milliseconds, times 4096, plus less than that', async () => {
  const due = await delayed('one', HOUR);
  expect(Math.floor(Number(await redis.zscore(queue.toKey('delayed'), 'one')) / 0x1000)).toBe(due);
});

test('a step that a fast clock delayed too long is promoted, and so is one that a slow clock forgets', async () => {
  const now = Date.now();
  await delayed('by-a-fast-clock', HOUR);
  await delayed('in-time', 20 * SECOND);
  await service.producer.promoteMisdelayed(now);
  expect((await queue.getWaiting()).map(({ id }) => id)).toEqual(['by-a-fast-clock']);
  expect((await queue.getDelayed()).map(({ id }) => id)).toEqual(['in-time']);

  await service.producer.promoteMisdelayed(now + 60 * SECOND);
  expect(await queue.getDelayedCount()).toBe(0);
});
