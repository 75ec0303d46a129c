import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../helpers/free-port.ts';
import type { PrivateRedis } from '../../tools/dev/private-redis.ts';
import { startPrivateRedis } from '../../tools/dev/private-redis.ts';
import type { Health } from '../../src/http/schemas/health.ts';
import type { Job } from '../../src/http/schemas/job.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import { until } from '../helpers/waiting.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

let dir: string;
let port: number;
let redis: PrivateRedis;
let api: Api;

const startRedis = () => startPrivateRedis({ dir, port, appendonly: true });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'amiferry-outage-'));
  port = await freePort();
  redis = await startRedis();
  api = await startApi({ workers: 0, redisUrl: redis.url });
});

afterAll(async () => {
  await api.stop();
  await redis.stop();
  await rm(dir, { recursive: true, force: true });
});

const REQUEST = { destinations: [{ region: 'eu-west-1' }] };

/** Every route that needs Redis. */
const calls = (id: string) => [
  () => api.post(COPIES, REQUEST),
  () => api.get('/jobs'),
  () => api.get(`/jobs/${id}`),
  () => api.post(`/jobs/${id}/cancel`),
  () => api.post(`/jobs/${id}/retry`),
  () => api.get('/queues/api/queues'),
  () => api.post('/queues/session'),
];

async function expectUnavailable(id: string): Promise<void> {
  for (const call of calls(id)) {
    // That it comes within a second follows from the connection: see test/redis/connections.test.ts.
    const answer = await call();
    expect([answer.statusCode, answer.json<Problem>().code]).toEqual([503, 'redis-unavailable']);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  }
}

test('with Redis killed every route says so at once; with Redis back all is as it was', async () => {
  const { id } = (await api.post(COPIES, REQUEST)).json<Job>();
  const waiting = api.get(`/jobs/${id}`, { prefer: 'wait=30' });
  await until(() => api.listeners() === 1);

  process.kill(redis.pid, 'SIGKILL');
  await redis.ended;
  await expectUnavailable(id);
  expect((await api.get('/health/live')).statusCode).toBe(200);
  const ready = await api.get('/health/ready');
  expect(ready.statusCode).toBe(503);
  expect(ready.json<Health>().checks[0]).toMatchObject({ name: 'redis', ok: false, required: true });
  // What needs no Redis goes on.
  expect((await api.get('/amis/ami-0a1b2c3d4e5f60001')).statusCode).toBe(200);

  redis = await startRedis();
  await until(async () => (await api.get(`/jobs/${id}`)).statusCode === 200);
  // The probe of readiness has a connection of its own, which comes back in its own time.
  await until(async () => (await api.get('/health/ready')).statusCode === 200);
  // Whoever waited all the while still hears of the end.
  expect((await api.post(`/jobs/${id}/cancel`)).statusCode).toBe(202);
  expect((await waiting).json<Job>().state).toBe('cancelled');
});

test('with Redis hanging every route says so, too', async () => {
  const { id } = (await api.post(COPIES, REQUEST)).json<Job>();
  process.kill(redis.pid, 'SIGSTOP');
  try {
    const answers = await Promise.all(calls(id).map((call) => call()));
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([503]));
  } finally {
    process.kill(redis.pid, 'SIGCONT');
  }
  await until(async () => (await api.get(`/jobs/${id}`)).statusCode === 200);
});
