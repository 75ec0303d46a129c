import { keyIn } from '../helpers/account.ts';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Destination } from '../../src/domain/job.ts';
import type { Transition } from '../../src/domain/apply-transition.ts';
import * as transitions from '../helpers/transitions.ts';
import { sweep } from '../../src/worker/sweep.ts';
import { copyJob } from '../helpers/copy-job.ts';
import { keysOf, testRedisUrl } from '../helpers/redis.ts';
import { loseWakeUps } from '../helpers/wake-ups.ts';
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

const REGION = 'eu-west-1';
const accepted = [transitions.begin(REGION), transitions.accept(REGION, 'ami-0000000000000000a')];
const available = onEach({ state: 'available', availableAt: 1000 });

/** Changes every copy of a job, as a look at it would. */
function onEach(changes: Partial<Destination>): Transition {
  return (job) => ({ ...job, destinations: job.destinations.map((one) => ({ ...one, ...changes })) });
}

/** Saves a job of one copy and moves it on. Its id. */
async function saved(...steps: Transition[]): Promise<string> {
  const { store } = service;
  const job = copyJob({ createdAt: store.now() }, [REGION]);
  await store.create(job);
  for (const transition of steps) await store.update(job.id, transitions.onCopy(transition));
  return job.id;
}

/** What is in the queue, by the ids of its steps. */
async function woken(): Promise<string[]> {
  const [steps] = await service.producer.queues();
  const queued = (await steps?.getWaiting()) ?? [];
  return queued.map(({ id = '' }) => id).toSorted();
}

test('a sweep reads none of the copies that just wait for EC2, and wakes what is due among them', async () => {
  for (let i = 0; i < 150; i += 1) await saved(...accepted);
  await loseWakeUps(service);
  const get = vi.spyOn(service.store, 'get');
  const readBySweep = async () => {
    get.mockClear();
    await sweep(service);
    return get.mock.calls.map(([id]) => id);
  };
  expect(await readBySweep()).toEqual([]);
  expect(await woken()).toEqual([]);

  const due = [await saved(), await saved(...accepted, available)];
  await loseWakeUps(service);
  expect((await readBySweep()).toSorted()).toEqual(due.toSorted());
  expect(await woken()).toEqual(
    [`start-copies.${due[0]}`, `finish-copy.${due[1]}.${keyIn(REGION)}.1`].toSorted(),
  );
});

test('a webhook delivery that is due is woken, and one that is due later is not', async () => {
  const { store, producer } = service;
  const job = copyJob({ notify: ['https://a.example/', 'https://b.example/'], createdAt: store.now() }, [
    REGION,
  ]);
  await store.create(job);
  await store.update(job.id, transitions.onCopy(transitions.stopAll('cancel')));
  await store.deliveries.change(job.id, 2, (one, now) => ({ ...one, nextAt: now + 60_000 }));
  await loseWakeUps(service);
  await sweep(service);
  const [, webhooks] = await producer.queues();
  const queued = (await webhooks?.getWaiting()) ?? [];
  expect(new Set(queued.map(({ data }) => data.delivery))).toEqual(new Set([1, 3, 4]));
});

test('an intent that no worker acts on is swept when it is due', async () => {
  const { store } = service;
  const begun = await saved(transitions.begin(REGION));
  const startedAt = Number((await store.get(begun))?.updatedAt);
  expect(await store.unfinished(startedAt + 9_999)).toEqual([]);
  expect(await store.unfinished(startedAt + 10_000)).toEqual([begun]);
});
