import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { scopedKey } from '../../src/domain/idempotency.ts';
import type { Job } from '../../src/http/schemas/job.ts';
import { IdempotencyStore } from '../../src/store/idempotency.ts';
import { storeKeys } from '../../src/store/keys.ts';
import { testRedisUrl } from '../helpers/redis.ts';
import { age } from '../helpers/redis-time.ts';
import type { Api } from './api.ts';
import { COPIES, KEY_MS, startApi } from './api.ts';

const REQUEST = { destinations: [{ region: 'eu-west-1' }, { region: 'us-west-2' }] };
const PERMISSIONS = '/amis/ami-0a1b2c3d4e5f60001/permissions';

let api: Api;
let keys = 0;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());
beforeEach(() => api.service.control.reset());

const newKey = () => `key-${(keys += 1)}-${Math.random()}`;
const copy = (key: string, body: unknown = REQUEST, headers = {}) =>
  api.post(COPIES, body, { 'idempotency-key': key, ...headers });

describe('the same key', () => {
  test('gives the first answer again, bare or quoted, and one job', async () => {
    const key = newKey();
    const first = await copy(key);
    expect(first.statusCode).toBe(202);
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    for (const again of [await copy(key), await copy(`"${key}"`)]) {
      expect(again.statusCode).toBe(202);
      expect(again.body).toBe(first.body);
      expect(again.headers).toMatchObject({
        'idempotent-replayed': 'true',
        location: first.headers['location'],
        'content-type': first.headers['content-type'],
      });
    }
    await api.service.untilFinished(first.json<Job>().id);
    expect((await api.service.control.calls()).copyImage).toHaveLength(2);
  });

  test('with another body or at another place is 422', async () => {
    const key = newKey();
    await copy(key);
    const other = await copy(key, { destinations: [{ region: 'sa-east-1' }] });
    expect(other.json()).toMatchObject({ status: 422, code: 'idempotency-key-reused' });
    const place = await api.call({ method: 'DELETE', url: PERMISSIONS, headers: { 'idempotency-key': key } });
    expect(place.json()).toMatchObject({ status: 422, code: 'idempotency-key-reused' });
  });

  test('while the first request is still being answered is 409, and then the job', async () => {
    await api.service.control.fault({ action: 'DescribeImages', delayMs: 400 });
    const key = newKey();
    const first = copy(key);
    let second = await copy(key);
    while (second.headers['idempotent-replayed'] === undefined) {
      expect(second.json()).toMatchObject({ status: 409, code: 'idempotency-key-in-progress' });
      second = await copy(key);
    }
    expect(second.json<Job>().id).toBe((await first).json<Job>().id);
  });

  test('while the first request waits for its job is that job', async () => {
    const key = newKey();
    const waiting = copy(key, REQUEST, { prefer: 'wait=20' });
    let second = await copy(key);
    while (second.statusCode === 409) second = await copy(key);
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(second.json<Job>().id).toBe((await waiting).json<Job>().id);
  });

  test('a thousand times at once makes one job and one image a destination', async () => {
    const key = newKey();
    const answers = await Promise.all(Array.from({ length: 1000 }, () => copy(key)));
    const accepted = answers.filter(({ statusCode }) => statusCode === 202);
    const [id = ''] = new Set(accepted.map((answer) => answer.json<Job>().id));
    expect(new Set(accepted.map((answer) => answer.json<Job>().id)).size).toBe(1);
    expect(answers.filter(({ statusCode }) => ![202, 409, 503].includes(statusCode))).toEqual([]);
    await api.service.untilFinished(id);
    const { copyImage } = await api.service.control.calls();
    expect(new Set(copyImage.map(({ imageId }) => imageId)).size).toBe(2);
  });

  test('of a request that was refused is free for the corrected one', async () => {
    const key = newKey();
    expect((await copy(key, { destinations: [] })).statusCode).toBe(400);
    const gone = `/amis/ami-00000000000000000/copies`;
    expect((await api.post(gone, REQUEST, { 'idempotency-key': key })).statusCode).toBe(404);
    expect((await copy(key)).statusCode).toBe(202);
  });

  test('makes the same job though Redis lost everything: EC2 answers with the same images', async () => {
    const { steps, store } = api.service;
    // Jobs of one key have one id within a period: this one has just begun.
    await steps.advance(KEY_MS - (store.now() % KEY_MS));
    const key = newKey();
    const first = await api.service.untilFinished((await copy(key)).json<Job>().id);
    await api.forget();
    const again = await api.service.untilFinished((await copy(key)).json<Job>().id);
    expect(again.id).toBe(first.id);
    const images = (job: typeof first) => job.destinations.map(({ imageId }) => imageId);
    expect(images(again)).toEqual(images(first));
  });
});

describe('a key that has expired', () => {
  test('makes a new job, although the job of its first request is still kept', async () => {
    const headers = { 'idempotency-key': newKey() };
    const withdraw = async () => {
      const job = (await api.call({ method: 'DELETE', url: PERMISSIONS, headers })).json<Job>();
      await api.service.until(async () => (await api.service.store.get(job.id))?.finishedAt !== null);
      return job;
    };
    const launchers = async () => (await api.get(PERMISSIONS)).json<{ accounts: string[] }>().accounts;
    const first = await withdraw();
    const shared = await api.call({
      method: 'PUT',
      url: PERMISSIONS,
      headers: { 'content-type': 'application/json' },
      payload: '{"accounts":["222222222222"]}',
    });
    const { id } = shared.json<Job>();
    await api.service.until(async () => (await api.service.store.get(id))?.finishedAt !== null);
    expect(await launchers()).toEqual(['222222222222']);

    await api.service.steps.advance(KEY_MS + 1000);
    const again = await withdraw();
    expect(again.id).not.toBe(first.id);
    expect(await launchers()).toEqual([]);
    // And within the days of the new one it is the new one.
    expect((await withdraw()).id).toBe(again.id);
  });

  test('copies anew where the job of its first request is deleted: its images carry its id still', async () => {
    const { steps, store, settings, untilFinished } = api.service;
    const key = newKey();
    const first = await untilFinished((await copy(key)).json<Job>().id);
    await steps.advance(settings.retentionMs + 1000);
    await api.service.until(async () => (await store.get(first.id)) === null);
    const second = await untilFinished((await copy(key)).json<Job>().id);
    const images = [first, second].flatMap(({ destinations }) => destinations.map(({ imageId }) => imageId));
    expect(new Set(images).size).toBe(4);
    expect(second.id).not.toBe(first.id);
  });

  test('makes a new job also by a clock that was set back since', async () => {
    const redis = new Redis(testRedisUrl());
    const key = newKey();
    const first = (await copy(key)).json<Job>();
    await age(redis, api.service.prefix, KEY_MS + 1000);
    redis.disconnect();
    const second = await copy(key);
    expect([second.statusCode, second.headers['idempotent-replayed']]).toEqual([202, undefined]);
    expect(second.json<Job>().id).not.toBe(first.id);
    expect((await copy(key)).json<Job>().id).toBe(second.json<Job>().id);
  });

  test('counts no more for a job that has not ended yet, whatever the request is', async () => {
    const key = newKey();
    const first = (await copy(key)).json<Job>();
    await api.service.steps.advance(KEY_MS + 1000);
    const other = await copy(key, { destinations: [{ region: 'sa-east-1' }] });
    expect([other.statusCode, other.json<Job>().id === first.id]).toEqual([202, false]);
  });
});

describe('on every other route that changes anything', () => {
  test('cancel, retry and the permission verbs take it too', async () => {
    const { id } = (await copy(newKey())).json<Job>();
    const requests = [
      { method: 'POST', url: `/jobs/${id}/cancel` },
      { method: 'PUT', url: PERMISSIONS, payload: '{}' },
      { method: 'PATCH', url: PERMISSIONS, payload: '{"add":{"accounts":["222222222222"]}}' },
      { method: 'DELETE', url: PERMISSIONS },
    ];
    for (const request of requests) {
      const type = 'payload' in request ? { 'content-type': 'application/json' } : {};
      const headers = { 'idempotency-key': newKey(), ...type };
      const first = await api.call({ ...request, headers });
      const again = await api.call({ ...request, headers });
      expect(again.headers['idempotent-replayed'], request.method + request.url).toBe('true');
      expect(again.body).toBe(first.body);
    }
  });
});

test.each([
  ['over 255 characters', 'k'.repeat(256)],
  ['empty', '""'],
])('a key that is %s is 400', async (_name, key) => {
  expect((await copy(key)).json()).toMatchObject({
    status: 400,
    code: 'validation-failed',
    errors: [{ pointer: '/Idempotency-Key' }],
  });
});

test('a key whose request died is held for seconds, and then taken again', async () => {
  const redis = new Redis(testRedisUrl());
  const { prefix } = api.service;
  const store = new IdempotencyStore(redis, prefix, 60_000);
  const [key, print] = [newKey(), 'fingerprint'];
  expect(await store.claim('someone', key, print)).toMatchObject({ outcome: 'claimed' });
  expect(await store.claim('someone', key, print)).toEqual({ outcome: 'in-progress' });
  const left = await redis.pttl(storeKeys(prefix).idempotency(scopedKey('someone', key)));
  redis.disconnect();
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(5000);
});
