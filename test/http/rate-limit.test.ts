import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RedisClient } from '../../src/redis-client.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authenticator } from '../../src/auth/authenticate.ts';
import type { PrivateRedis } from '../../tools/dev/private-redis.ts';
import { startPrivateRedis } from '../../tools/dev/private-redis.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import { closeRedis, connectRedis, untilReady } from '../../src/queue/connections.ts';
import { EVERYTHING, TestKeys, TestPolicy } from '../helpers/access.ts';
import { PATIENCE, until } from '../helpers/waiting.ts';
import { testPrefix } from '../helpers/redis.ts';
import type { Api } from './api.ts';
import { startApi } from './api.ts';

const PER_MINUTE = 5;
const keys = new TestKeys();
const IMAGE = '/amis/ami-0a1b2c3d4e5f60001';

let dir: string;
let redis: PrivateRedis;
let counter: RedisClient;
let apis: Api[];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'amiferry-rate-'));
  redis = await startPrivateRedis({ dir });
  // No command times out: a request whose count is late would pass.
  counter = connectRedis(redis.url, 'blocking', () => {});
  await untilReady(counter, PATIENCE);
  const policy = new TestPolicy({ '*': EVERYTHING });
  const authenticate = authenticator({ apiKeys: keys, verifyToken: null });
  const rateLimit = { redis: counter, prefix: testPrefix(), perMinute: PER_MINUTE };
  apis = [
    await startApi({ workers: 0, policy }, { authenticate, rateLimit }),
    await startApi({ workers: 0, policy }, { authenticate, rateLimit }),
  ];
});
afterAll(async () => {
  for (const api of apis) await api.stop();
  await closeRedis(counter);
  await redis.stop();
  await rm(dir, { recursive: true, force: true });
});

async function ask(
  times: number,
  headers: Record<string, string>,
  remoteAddress = '192.0.2.1',
): Promise<number[]> {
  const statuses: number[] = [];
  for (let i = 0; i < times; i += 1) {
    const api = apis[i % apis.length];
    const answer = await api?.call({ method: 'GET', url: IMAGE, headers, remoteAddress });
    statuses.push(answer?.statusCode ?? 0);
  }
  return statuses;
}

test('whoever asks too often waits, over all processes, and nobody else with him', async () => {
  const eager = { 'x-api-key': keys.make('eager') };
  expect(await ask(PER_MINUTE + 2, eager)).toEqual([...Array(PER_MINUTE).fill(200), 429, 429]);
  const refused = await apis[0]?.get(IMAGE, eager);
  expect(refused?.json<Problem>().code).toBe('rate-limited');
  expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(0);
  expect(await ask(1, { 'x-api-key': keys.make('calm') })).toEqual([200]);
});

test('guessing at credentials is counted by address, and hinders nobody who has some', async () => {
  const guess = { 'x-api-key': 'amiferry_guess' };
  expect(await ask(PER_MINUTE + 1, guess)).toEqual([...Array(PER_MINUTE).fill(401), 429]);
  expect(await ask(1, { 'x-api-key': keys.make('known') })).toEqual([200]);
  expect(await ask(1, guess, '192.0.2.2')).toEqual([401]);
});

test('the many addresses of one IPv6 network are one caller', async () => {
  const guess = { 'x-api-key': 'amiferry_guess' };
  expect(await ask(PER_MINUTE, guess, '2001:db8:1:2::1')).toEqual(Array(PER_MINUTE).fill(401));
  expect(await ask(2, guess, '2001:db8:1:2:ffff::9')).toEqual([429, 429]);
  expect(await ask(1, guess, '2001:db8:1:3::1')).toEqual([401]);
});

test('nobody makes himself another with a header', async () => {
  const guess = (n: number) => ({ 'x-api-key': 'amiferry_guess', 'x-forwarded-for': `198.51.100.${n}` });
  const statuses: number[] = [];
  for (let n = 0; n <= PER_MINUTE; n += 1) statuses.push(...(await ask(1, guess(n), '192.0.2.3')));
  expect(statuses).toEqual([...Array(PER_MINUTE).fill(401), 429]);
});

describe('behind a load balancer', () => {
  const BALANCER = '10.0.1.7';
  let api: Api;
  beforeAll(async () => {
    const policy = new TestPolicy({ '*': EVERYTHING });
    const authenticate = authenticator({ apiKeys: keys, verifyToken: null });
    const rateLimit = { redis: counter, prefix: testPrefix(), perMinute: PER_MINUTE };
    api = await startApi(
      { workers: 0, policy },
      { authenticate, rateLimit, trustedProxies: ['10.0.0.0/16', 'fd00::/8'] },
    );
  });
  afterAll(() => api.stop());

  async function guesses(times: number, forwarded: string, remoteAddress: string): Promise<number[]> {
    const headers = { 'x-api-key': 'amiferry_guess', 'x-forwarded-for': forwarded };
    const statuses: number[] = [];
    for (let i = 0; i < times; i += 1)
      statuses.push((await api.call({ method: 'GET', url: IMAGE, headers, remoteAddress })).statusCode);
    return statuses;
  }

  test('callers without credentials are counted by the address that it adds', async () => {
    expect(await guesses(PER_MINUTE + 1, '198.51.100.1', BALANCER)).toEqual([
      ...Array(PER_MINUTE).fill(401),
      429,
    ]);
    expect(await guesses(1, '198.51.100.2', BALANCER)).toEqual([401]);
    // It may be reached by IPv6, as any peer of a socket that listens on both.
    expect(await guesses(1, '198.51.100.1', 'fd00::7')).toEqual([429]);
    expect(await guesses(1, '198.51.100.1', `::ffff:${BALANCER}`)).toEqual([429]);
  });

  test('what a caller writes into the header before it changes nothing', async () => {
    expect(await guesses(PER_MINUTE, '203.0.113.9, 198.51.100.3', BALANCER)).toEqual(
      Array(PER_MINUTE).fill(401),
    );
    expect(await guesses(1, '203.0.113.10, 198.51.100.3', BALANCER)).toEqual([429]);
    expect(await guesses(1, '198.51.100.4, 198.51.100.3', BALANCER)).toEqual([429]);
  });

  test('the header of any other peer changes nothing', async () => {
    expect(await guesses(PER_MINUTE, '198.51.100.5', '192.0.2.9')).toEqual(Array(PER_MINUTE).fill(401));
    expect(await guesses(1, '198.51.100.6', '192.0.2.9')).toEqual([429]);
    expect(await guesses(1, '198.51.100.5', BALANCER)).toEqual([401]);
  });
});

test('is never exceeded by requests at once, and begins again with the next window', async () => {
  const prefix = testPrefix();
  const api = await startApi(
    { workers: 0 },
    { rateLimit: { redis: counter, prefix, perMinute: PER_MINUTE } },
  );
  const ask = () => api.call({ method: 'GET', url: IMAGE, remoteAddress: '192.0.2.7' });
  try {
    const answers = await Promise.all(Array.from({ length: 3 * PER_MINUTE }, ask));
    expect(answers.filter(({ statusCode }) => statusCode === 200)).toHaveLength(PER_MINUTE);
    const key = `${prefix}:rate:ip:192.0.2.7`;
    expect(await counter.pttl(key)).toBeGreaterThan(0);
    await counter.pexpire(key, 1);
    await until(async () => (await ask()).statusCode === 200);
  } finally {
    await api.stop();
  }
});

test('where nobody is asked for credentials each address is a caller of its own', async () => {
  const rateLimit = { redis: counter, prefix: testPrefix(), perMinute: PER_MINUTE };
  const open = await startApi({ workers: 0 }, { rateLimit });
  const from = async (remoteAddress: string) =>
    (await open.call({ method: 'GET', url: IMAGE, remoteAddress })).statusCode;
  try {
    for (let i = 0; i < PER_MINUTE; i += 1) expect(await from('192.0.2.7')).toBe(200);
    expect(await from('192.0.2.7')).toBe(429);
    expect(await from('192.0.2.8')).toBe(200);
  } finally {
    await open.stop();
  }
});

test('health is never counted', async () => {
  for (let i = 0; i <= PER_MINUTE; i += 1) expect((await apis[0]?.get('/health/live'))?.statusCode).toBe(200);
});

test('with Redis away nobody is turned away', async () => {
  const optional = connectRedis(redis.url, 'optional', () => {});
  await untilReady(optional, PATIENCE);
  const rateLimit = { redis: optional, prefix: testPrefix(), perMinute: PER_MINUTE };
  const api = await startApi({ workers: 0 }, { rateLimit });
  try {
    await redis.stop();
    await until(() => optional.status !== 'ready');
    for (let i = 0; i < PER_MINUTE + 2; i += 1) expect((await api.get(IMAGE)).statusCode).toBe(200);
  } finally {
    await api.stop();
    await closeRedis(optional);
  }
});
