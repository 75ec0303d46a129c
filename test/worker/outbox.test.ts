import { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { requestCopy } from '../../src/commands/request-copy.ts';
import { jobState } from '../../src/domain/job.ts';
import { Outbox } from '../../src/store/outbox.ts';
import { storeKeys } from '../../src/store/keys.ts';
import { connectRedis, closeRedis } from '../../src/queue/connections.ts';
import type { RedisClient } from '../../src/redis-client.ts';
import { loseWakeUps } from '../helpers/outbox.ts';
import { clientCommands, testRedisUrl } from '../helpers/redis.ts';
import type { Service } from '../helpers/service.ts';
import { GOLDEN_WEB, startService, TESTER } from '../helpers/service.ts';

let service: Service;
let redis: RedisClient;
afterEach(async () => {
  if (redis !== undefined) await closeRedis(redis);
  await service.stop();
});

const TO_IRELAND = { destinations: [{ region: 'eu-west-1' }] };

async function outboxOf(prefix: string): Promise<Outbox> {
  redis = connectRedis(testRedisUrl(), 'blocking', () => {});
  return new Outbox(redis, prefix);
}

test('a request leaves its wake-up in the outbox, and puts nothing into the queue', async () => {
  service = await startService({ workers: 0 });
  const { id } = await service.copy(TO_IRELAND);
  const [steps] = await service.producer.queues();
  expect(await steps?.getJobCountByTypes('waiting', 'delayed', 'active')).toBe(0);
  const outbox = await outboxOf(service.prefix);
  expect(await outbox.depth()).toEqual({ waiting: 1, since: expect.any(Number) });
  expect(await outbox.take(10)).toEqual([{ step: 'start-copies', jobId: id }]);
  expect(await outbox.depth()).toEqual({ waiting: 0, since: null });
});

test('what one change makes due is left there once, and what was due before is not', async () => {
  service = await startService({ workers: 0 });
  const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }, { region: 'us-west-2' }] });
  await loseWakeUps(service);
  const outbox = await outboxOf(service.prefix);
  await service.store.update(id, (job, now) => ({ ...job, updatedAt: now }));
  expect(await outbox.depth()).toMatchObject({ waiting: 0 });
});

test('what was left while no worker was there is done by the first one that is', async () => {
  service = await startService({ workers: 0 });
  const jobs = await Promise.all(Array.from({ length: 5 }, () => service.copy(TO_IRELAND)));
  await service.startWorker();
  for (const { id } of jobs) expect(jobState(await service.untilFinished(id))).toBe('succeeded');
  redis = connectRedis(testRedisUrl(), 'blocking', () => {});
  await service.until(async () => (await redis.exists(storeKeys(service.prefix).outbox)) === 0);
});

test('one call of Redis writes the record, the audit and the wake-up', async () => {
  service = await startService({ workers: 0 });
  // The source is looked at once, and the script sent once; looking for the name counts its call of EC2 in Redis.
  await service.copy(TO_IRELAND);
  const deps = { ...service, imageNames: { find: async () => [] } };
  const copy = () => requestCopy(deps, GOLDEN_WEB, TO_IRELAND, TESTER);
  const watching = new Redis(testRedisUrl());
  try {
    const commands = await clientCommands(watching, service.prefix, copy);
    expect(commands).toEqual(['EVALSHA']);
  } finally {
    watching.disconnect();
  }
  const { entries } = await service.audit.list({ action: 'request-copy', limit: 10 });
  expect(entries).toHaveLength(2);
});
