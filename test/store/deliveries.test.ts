import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { CopyJob } from '../../src/domain/job.ts';
import type { WakeUp } from '../../src/domain/next-step.ts';
import { announce, giveUp, recordAttempt } from '../../src/domain/webhooks.ts';
import { failureBecause } from '../../src/worker/failure.ts';
import { closeRedis, connectRedis, untilReady } from '../../src/queue/connections.ts';
import type { RedisClient } from '../../src/redis-client.ts';
import { RedisJobStore } from '../../src/store/redis-store.ts';
import { copyJob } from '../helpers/copy-job.ts';
import { dropPrefix, keysOf, testPrefix, testRedisUrl } from '../helpers/redis.ts';
import * as transitions from '../helpers/transitions.ts';
import { PATIENCE } from '../helpers/waiting.ts';

const REGION = 'eu-west-1';
const URLS = ['https://a.example/', 'https://b.example/'];
const TIMES = { backoffMs: 5000, retryMs: 86_400_000 };
const FAILED = recordAttempt({ outcome: 'again', status: 500, error: 'it answered 500' }, TIMES, 0.5);
const DELIVERED = recordAttempt({ outcome: 'delivered', status: 200 }, TIMES);

let redis: RedisClient;
let prefix: string;
let store: RedisJobStore;
let woken: WakeUp[];
beforeAll(async () => {
  redis = connectRedis(testRedisUrl(), 'blocking', () => {});
  await untilReady(redis, PATIENCE);
});
beforeEach(() => {
  prefix = testPrefix();
  woken = [];
  const wake = async (wakeUps: readonly WakeUp[]) => void woken.push(...wakeUps);
  store = new RedisJobStore(redis, prefix, { wake, announce });
});
afterEach(() => dropPrefix(redis, prefix));
afterAll(() => closeRedis(redis));

const deliveriesOf = async (id: string) => (await store.deliveries.ofJobs([id])).get(id) ?? [];

/** Cancels a job of one copy, so that it ends. */
async function ended(changes: Partial<CopyJob> = {}): Promise<string> {
  const job = copyJob({ notify: URLS, ...changes }, [REGION]);
  await store.create(job);
  await store.update(job.id, transitions.onCopy(transitions.stopAll('cancel')));
  return job.id;
}

async function deliverAll(id: string): Promise<void> {
  for (const { n } of await deliveriesOf(id)) await store.deliveries.change(id, n, DELIVERED);
}

test('the end of a job is written with its deliveries, which are due and woken at once', async () => {
  const id = await ended();
  const all = await deliveriesOf(id);
  expect(all.map(({ n, event, url }) => [n, event, url])).toEqual([
    [1, 'destination.finished', URLS[0]],
    [2, 'destination.finished', URLS[1]],
    [3, 'job.finished', URLS[0]],
    [4, 'job.finished', URLS[1]],
  ]);
  const due = all.map(({ n, nextAt }) => ({ step: 'deliver-webhook', jobId: id, delivery: n, at: nextAt }));
  expect(await store.deliveries.due(store.now())).toEqual(due);
  expect(woken.filter(({ step }) => step === 'deliver-webhook')).toEqual(due);
  expect(JSON.parse((await store.deliveries.message(id, 4))?.body ?? '')).toMatchObject({
    type: 'job.finished',
    data: { jobId: id, state: 'cancelled', destinations: [{ region: REGION, state: 'cancelled' }] },
  });
});

test('a try changes its delivery and when it is due, and not the record of the job', async () => {
  const id = await ended();
  const before = await store.get(id);
  const [first] = await deliveriesOf(id);
  const tried = await store.deliveries.change(id, 1, FAILED);
  expect(tried).toMatchObject({ state: 'pending', attempts: [{ status: 500 }] });
  expect(Number(tried?.nextAt)).toBeGreaterThan(Number(first?.nextAt));
  expect((await store.deliveries.due(store.now())).map((one) => 'delivery' in one && one.delivery)).toEqual([
    2, 3, 4,
  ]);
  await store.deliveries.change(id, 1, DELIVERED);
  expect(await store.deliveries.due(Infinity)).toHaveLength(3);
  expect(await store.get(id)).toEqual(before);
});

test('tries that are recorded at once are all kept', async () => {
  const id = await ended();
  await Promise.all(Array.from({ length: 10 }, () => store.deliveries.change(id, 1, FAILED)));
  expect((await deliveriesOf(id))[0]?.attempts).toHaveLength(10);
});

test('a change of what is over, or not kept, changes nothing', async () => {
  const id = await ended();
  await deliverAll(id);
  const all = await deliveriesOf(id);
  expect(await store.deliveries.change(id, 1, giveUp)).toBeNull();
  expect(await store.deliveries.change(id, 99, FAILED)).toBeNull();
  expect(await store.deliveries.change('no-such-job', 1, FAILED)).toBeNull();
  expect(await deliveriesOf(id)).toEqual(all);
  expect(await store.deliveries.message(id, 99)).toBeNull();
});

test('a redelivery is due at once, keeps the tries, and loses none that is recorded meanwhile', async () => {
  const id = await ended();
  await store.deliveries.change(id, 1, FAILED);
  const [again] = await Promise.all([store.redeliver(id, 1, {}), store.deliveries.change(id, 1, FAILED)]);
  expect(again.outcome).toBe('changed');
  const [first] = await deliveriesOf(id);
  expect(first).toMatchObject({ state: 'pending', attempts: [{ status: 500 }, { status: 500 }] });
  await deliverAll(id);
  await store.redeliver(id, 1, {});
  expect(await store.deliveries.due(store.now())).toMatchObject([{ delivery: 1 }]);
  expect(woken.at(-1)).toMatchObject({ step: 'deliver-webhook', jobId: id, delivery: 1 });
  expect((await store.redeliver(id, 99, {})).outcome).toBe('unchanged');
  expect((await store.redeliver('no-such-job', 1, {})).outcome).toBe('missing');
});

test('a job that is retried without end keeps its latest deliveries', async () => {
  const job = copyJob({ notify: URLS }, [REGION]);
  await store.create(job);
  const runs = 140;
  for (let run = 1; run <= runs; run += 1) {
    const fails = transitions.fail(REGION, failureBecause('copy-failed', `try ${run}`));
    await store.update(job.id, transitions.onCopy(fails));
    await store.update(job.id, transitions.onCopy(transitions.retryFailed));
  }
  const kept = (await deliveriesOf(job.id)).map(({ n }) => n);
  expect(kept).toEqual(Array.from({ length: 500 }, (_, i) => 4 * runs - 499 + i));
  expect(await store.deliveries.due(Infinity)).toHaveLength(500);
  expect(await store.deliveries.message(job.id, (kept[0] ?? 0) - 1)).toBeNull();
  expect((await store.deliveries.message(job.id, kept.at(-1) ?? 0))?.body).toContain(`try ${runs}`);
});

test('a job past its retention stays until its webhooks are sent, keeps no other job, and leaves no key', async () => {
  const waiting = await ended();
  const others = [await ended({ notify: [] }), await ended({ notify: [] })];
  const later = store.now() + 1;
  expect(await store.deleteFinishedBefore(later, 1)).toBe(1);
  expect(await store.deleteFinishedBefore(later, 1)).toBe(1);
  expect(await store.deleteFinishedBefore(later, 1)).toBe(0);
  for (const id of others) expect(await store.get(id)).toBeNull();
  expect(await store.get(waiting)).not.toBeNull();
  await deliverAll(waiting);
  expect(await store.deleteFinishedBefore(later, 1)).toBe(1);
  expect((await keysOf(redis, prefix)).filter((key) => key.includes(waiting))).toEqual([]);
});

test('a redelivery that is accepted while its job is being deleted keeps the job', async () => {
  const id = await ended();
  await deliverAll(id);
  const [redelivered, deleted] = await Promise.all([
    store.redeliver(id, 1, {}),
    store.deleteFinishedBefore(store.now() + 1, 10),
  ]);
  const isKept = (await store.get(id)) !== null;
  expect(redelivered.outcome).toBe(isKept ? 'changed' : 'missing');
  expect(deleted).toBe(isKept ? 0 : 1);
  expect(await store.deliveries.due(store.now())).toHaveLength(isKept ? 1 : 0);
});
