import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PAYLOAD_VERSION, STEPS_QUEUE } from '../../src/queue/jobs.ts';
import { testRedisUrl } from '../helpers/redis.ts';
import type { Service } from '../helpers/service.ts';
import { startService } from '../helpers/service.ts';

/** Two versions side by side on one Redis: this one is the older. */
let service: Service;
let redis: Redis;
let queue: Queue;
beforeEach(async () => {
  service = await startService();
  redis = new Redis(testRedisUrl(), { maxRetriesPerRequest: null });
  queue = new Queue(STEPS_QUEUE, { connection: redis, prefix: service.prefix });
});
afterEach(async () => {
  await queue.close();
  redis.disconnect();
  await service.stop();
});

test.each([
  ['a payload of a newer version', 'start-copy', { v: PAYLOAD_VERSION + 1, jobId: 'j', destination: 'd' }],
  ['a step that it does not know', 'seal-copy', { v: PAYLOAD_VERSION, jobId: 'j', destination: 'd' }],
])('%s is put back as it was, for a newer worker', async (_, name, data) => {
  await queue.add(name, data, { jobId: 'newer/j' });
  await service.steps.runDue();
  expect(await queue.getDelayedCount()).toBe(1);
  const [waiting] = await queue.getDelayed();
  expect(waiting).toMatchObject({ id: 'newer/j', name, data, attemptsMade: 0 });
  expect(waiting?.delay).toBeGreaterThan(0);
  expect(await queue.getFailedCount()).toBe(0);
});

test('what a newer version wrote into a record outlives the writes of this one', async () => {
  const { id } = await service.copy({
    tags: { 'simulator:seconds': '1' },
    destinations: [{ region: 'eu-west-1' }],
  });
  const sealed = { by: 'a newer version', at: 1 };
  await service.store.update(id, (job) => ({ ...job, sealed }));
  const done = await service.untilFinished(id);
  expect(done).toMatchObject({ destinations: [{ state: 'succeeded' }], sealed });
});
