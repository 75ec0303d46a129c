import { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { requestCopy } from '../../src/commands/request-copy.ts';
import { jobState } from '../../src/domain/job.ts';
import { clientCommands, testRedisUrl } from '../helpers/redis.ts';
import type { Service } from '../helpers/service.ts';
import { GOLDEN_WEB, startService, TESTER } from '../helpers/service.ts';
import { loseWakeUps } from '../helpers/wake-ups.ts';

let service: Service;
afterEach(() => service.stop());

const TO_IRELAND = { destinations: [{ region: 'eu-west-1' }] };

/** The steps that wait in the queue. */
async function queued(): Promise<{ name: string; jobId: string }[]> {
  const [steps] = await service.producer.queues();
  const jobs = (await steps?.getJobs(['waiting', 'delayed', 'active'])) ?? [];
  return jobs.map(({ name, data }) => ({ name, jobId: data.jobId }));
}

test('a request enqueues the first step of its job', async () => {
  service = await startService({ workers: 0 });
  const { id } = await service.copy(TO_IRELAND);
  expect(await queued()).toEqual([{ name: 'start-copies', jobId: id }]);
});

test('what one change makes due is enqueued, and what was due before is not', async () => {
  service = await startService({ workers: 0 });
  const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }, { region: 'us-west-2' }] });
  await loseWakeUps(service);
  await service.store.update(id, (job, now) => ({ ...job, updatedAt: now }));
  expect(await queued()).toEqual([]);
});

test('what was enqueued while no worker was there is done by the first one that is', async () => {
  service = await startService({ workers: 0 });
  const jobs = await Promise.all(Array.from({ length: 5 }, () => service.copy(TO_IRELAND)));
  await service.startWorker();
  for (const { id } of jobs) expect(jobState(await service.untilFinished(id))).toBe('succeeded');
});

test('the record, its audit entry and then its step go to Redis in one round trip', async () => {
  service = await startService({ workers: 0 });
  // The source is read once, and each script sent once; looking for the name counts its call of EC2 in Redis.
  await service.copy(TO_IRELAND);
  const deps = { ...service, imageNames: { find: async () => [] } };
  const copy = () => requestCopy(deps, GOLDEN_WEB, TO_IRELAND, TESTER);
  const watching = new Redis(testRedisUrl());
  try {
    const commands = await clientCommands(watching, service.prefix, copy);
    expect(commands).toEqual(['EVALSHA', 'EVALSHA']);
  } finally {
    watching.disconnect();
  }
  const { entries } = await service.audit.list({ action: 'request-copy', limit: 10 });
  expect(entries).toHaveLength(2);
});

test('a request whose step can not be enqueued is accepted, and the sweep enqueues it', async () => {
  service = await startService();
  const broken = Object.assign(service.producer, { wake: () => Promise.reject(new Error('no queue')) });
  const { id } = await service.copy(TO_IRELAND);
  expect(await queued()).toEqual([]);
  Reflect.deleteProperty(broken, 'wake');
  expect(jobState(await service.untilFinished(id))).toBe('succeeded');
});
