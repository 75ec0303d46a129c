import { afterEach, expect, test } from 'vitest';
import { authenticator } from '../../src/auth/authenticate.ts';
import type { Lineage } from '../../src/commands/lineage.ts';
import type { Job } from '../../src/http/schemas/job.ts';
import { closeRedis, connectRedis, untilReady } from '../../src/queue/connections.ts';
import { EVERYTHING, TestKeys, TestPolicy } from '../helpers/access.ts';
import { testPrefix, testRedisUrl } from '../helpers/redis.ts';
import { PATIENCE } from '../helpers/waiting.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

let api: Api;
afterEach(() => api.stop());

const regions = ['us-east-1', 'eu-west-1'];

test('a caller who asks for lineage all the time keeps no other one from copying', async () => {
  // 19 calls of DescribeImages at once in a region, 4 more a second.
  api = await startApi({ settings: { callShare: 0.2 } }, { regions });
  const ask = () => api.get(COPIES);
  for (let status = 200; status !== 503;) {
    const answers = await Promise.all(Array.from({ length: 10 }, ask));
    status = Math.max(...answers.map(({ statusCode }) => statusCode));
  }
  const [lineage] = await Promise.all(Array.from({ length: 10 }, ask));
  expect([200, 503]).toContain(lineage?.statusCode);

  const accepted = await api.post(COPIES, { destinations: [{ region: 'eu-west-1' }] });
  expect(accepted.statusCode).toBe(202);
  const { id } = accepted.json<Job>();
  expect((await api.service.untilFinished(id)).destinations[0]?.state).toBe('succeeded');
  const { errors } = await api.service.control.calls();
  expect(errors).toEqual({});
});

test('a lineage counts as many requests as it makes calls, and only for its own caller', async () => {
  const counter = connectRedis(testRedisUrl(), 'blocking', () => {});
  await untilReady(counter, PATIENCE);
  const keys = new TestKeys();
  // One for the image, one for the enabled regions, and one in each of these.
  const calls = 1 + 1 + regions.length;
  const rateLimit = { redis: counter, prefix: testPrefix(), perMinute: 3 * calls + 1 };
  const authenticate = authenticator({ apiKeys: keys, verifyToken: null });
  const policy = new TestPolicy({ '*': EVERYTHING });
  api = await startApi({ workers: 0, policy }, { regions, authenticate, rateLimit });
  const eager = { 'x-api-key': keys.make('eager') };
  const status = async (url: string, headers: Record<string, string>) =>
    (await api.get(url, headers)).statusCode;
  try {
    for (let i = 0; i < 3; i += 1) expect(await status(COPIES, eager)).toBe(200);
    // What is left is too little for a lineage, and enough for what takes one call.
    expect(await status(COPIES, eager)).toBe(429);
    expect(await status('/jobs', eager)).toBe(200);
    expect(await status('/jobs', eager)).toBe(429);
    const calm = { 'x-api-key': keys.make('calm') };
    const answer = await api.get(COPIES, calm);
    expect([answer.statusCode, answer.json<Lineage>().unanswered]).toEqual([200, []]);
  } finally {
    await closeRedis(counter);
  }
});

test('where the limit is less than what a lineage counts as, one can be asked for', async () => {
  const counter = connectRedis(testRedisUrl(), 'blocking', () => {});
  await untilReady(counter, PATIENCE);
  const rateLimit = { redis: counter, prefix: testPrefix(), perMinute: 2 };
  api = await startApi({ workers: 0 }, { regions, rateLimit });
  try {
    const ask = () => api.call({ method: 'GET', url: COPIES, remoteAddress: '192.0.2.7' });
    expect([(await ask()).statusCode, (await ask()).statusCode]).toEqual([200, 429]);
  } finally {
    await closeRedis(counter);
  }
});
