import { OWN } from '../helpers/account.ts';
import { expect, test } from 'vitest';
import type { Health } from '../../src/http/schemas/health.ts';
import { readiness } from '../../src/http/readiness.ts';
import { AmiferryError } from '../../src/errors.ts';
import { startApi } from './api.ts';

const INFO = 'loading:0\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\nrole:master\r\n';
const ownAccount = { get: async () => OWN };
const ONE = { count: async () => 1 };

test('a service that can accept jobs is ready, and says that its Redis keeps nothing on disk and that no worker runs', async () => {
  const api = await startApi({ workers: 0 });
  try {
    const live = await api.get('/health/live');
    expect([live.statusCode, live.json()]).toEqual([200, { status: 'ok' }]);
    const ready = await api.get('/health/ready');
    expect(ready.statusCode).toBe(200);
    const { status, checks } = ready.json<Health>();
    expect(status).toBe('ready');
    expect(checks.map(({ name, required }) => [name, required])).toEqual([
      ['redis', true],
      ['redis-maxmemory-policy', true],
      ['redis-role', true],
      ['redis-aof', false],
      ['workers', false],
      ['ec2-credentials', true],
    ]);
    expect(checks.find(({ name }) => name === 'workers')).toMatchObject({
      ok: false,
      why: expect.stringContaining('no worker is running'),
    });
  } finally {
    await api.stop();
  }
});

test('a failed look at the credentials is made again after a second, a good one after half a minute', async () => {
  let [time, failing, looks] = [0, true, 0];
  const checkCredentials = async () => {
    looks += 1;
    if (failing) throw new AmiferryError('ec2-unavailable', 'EC2 does not answer');
  };
  const look = readiness({
    redis: { info: async () => INFO },
    workers: ONE,
    gateway: { checkCredentials },
    ownAccount,
    defaultRegion: 'us-east-1',
    now: () => time,
  });
  expect((await look()).status).toBe('not-ready');
  failing = false;
  time += 999;
  expect([(await look()).status, looks]).toEqual(['not-ready', 1]);
  time += 1;
  expect([(await look()).status, looks]).toEqual(['ready', 2]);
  time += 29_999;
  expect([(await look()).status, looks]).toEqual(['ready', 2]);
  time += 1;
  expect([(await look()).status, looks]).toEqual(['ready', 3]);
});

test('the credentials are asked for once in a while, not at every look', async () => {
  const api = await startApi({ workers: 0 });
  try {
    for (let i = 0; i < 5; i += 1) await api.get('/health/ready');
    // The account's id, and whether EC2 takes the credentials.
    expect((await api.service.control.calls()).total).toBe(2);
  } finally {
    await api.stop();
  }
});

test('Redis is asked once for all who ask at the same time', async () => {
  let asked = 0;
  const info = async () => {
    asked += 1;
    return INFO;
  };
  const gateway = { checkCredentials: async () => undefined };
  const ask = readiness({ redis: { info }, workers: ONE, gateway, ownAccount, defaultRegion: 'us-east-1' });
  const answers = await Promise.all(Array.from({ length: 100 }, ask));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(['ready']));
  expect(asked).toBe(1);
  await ask();
  expect(asked).toBe(2);
});

const fine = async () => undefined;
const look = (info: string, checkCredentials: () => Promise<void> = fine) =>
  readiness({
    redis: { info: async () => info },
    workers: ONE,
    gateway: { checkCredentials },
    ownAccount,
    defaultRegion: 'us-east-1',
  })();

test.each([
  ['loading:0', 'loading:1', 'redis', 'loading'],
  ['noeviction', 'allkeys-lru', 'redis-maxmemory-policy', 'maxmemory-policy is allkeys-lru'],
  ['role:master', 'role:slave', 'redis-role', 'set REDIS_URL to the master'],
])('not ready: %s is %s', async (good, bad, name, why) => {
  const { status, checks } = await look(INFO.replace(good, bad));
  expect(status).toBe('not-ready');
  expect(checks.filter(({ ok }) => !ok)).toEqual([
    { name, ok: false, required: true, why: expect.stringContaining(why) },
  ]);
});

test('Redis without AOF is a warning', async () => {
  const { status, checks } = await look(INFO.replace('aof_enabled:1', 'aof_enabled:0'));
  expect(status).toBe('ready');
  expect(checks.find(({ name }) => name === 'redis-aof')).toMatchObject({ ok: false, required: false });
});

test('bad credentials are told in words, and no other error shows its inside', async () => {
  const refused = () =>
    Promise.reject(new AmiferryError('ec2-access-denied', 'AuthFailure: check the policy'));
  expect((await look(INFO, refused)).checks.at(-1)).toMatchObject({
    ok: false,
    why: 'AuthFailure: check the policy',
  });
  const broken = () => Promise.reject(new Error('secret inside'));
  expect((await look(INFO, broken)).checks.at(-1)).toMatchObject({
    ok: false,
    why: 'EC2 could not be called',
  });
});

test('EC2 that does not answer holds nothing up', async () => {
  const never = () => new Promise<void>(() => {});
  expect((await look(INFO, never)).checks.at(-1)).toMatchObject({
    ok: false,
    why: 'EC2 has not answered yet',
  });
});
