import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PAYLOAD_VERSION, STEPS_QUEUE } from '../../src/queue/jobs.ts';
import { SCHEMA_VERSION } from '../../src/store/records.ts';
import { sweep } from '../../src/worker/sweep.ts';
import { testRedisUrl } from '../helpers/redis.ts';
import { loseWakeUps } from '../helpers/wake-ups.ts';
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

describe('a record of a newer version', () => {
  /** A finished deployment would read it: this version may neither show nor change it. */
  async function newerRecord(): Promise<string> {
    const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }] });
    const key = `${service.prefix}:job:${id}`;
    const record = JSON.parse((await redis.hget(key, 'record')) ?? '');
    await redis.hset(key, 'record', JSON.stringify({ ...record, schemaVersion: SCHEMA_VERSION + 1 }));
    return id;
  }

  test('is refused clearly, and its steps are left to a newer worker', async () => {
    const id = await newerRecord();
    const refusal = { code: 'record-too-new', message: expect.stringContaining('schema version 2') };
    await expect(service.store.get(id)).rejects.toMatchObject(refusal);
    await expect(service.store.update(id, (job) => job)).rejects.toMatchObject(refusal);
    await service.steps.runDue();
    const [waiting] = await queue.getDelayed();
    expect(waiting).toMatchObject({ name: 'start-copies', data: { jobId: id }, attemptsMade: 0 });
    expect(await queue.getFailedCount()).toBe(0);
  });

  test('keeps no other job from being swept', async () => {
    await newerRecord();
    const { id } = await service.copy({ destinations: [{ region: 'us-west-2' }] });
    await loseWakeUps(service);
    await sweep(service);
    const [waiting] = await queue.getWaiting();
    expect(waiting?.data).toMatchObject({ jobId: id });
  });
});
