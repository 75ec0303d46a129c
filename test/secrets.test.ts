import type { RedisClient } from '../src/redis-client.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { authenticator } from '../src/auth/authenticate.ts';
import { jwtVerifier } from '../src/auth/jwt.ts';
import { closeRedis, connectRedis } from '../src/queue/connections.ts';
import { EVERYTHING, TestKeys, TestPolicy } from './helpers/access.ts';
import type { IdentityProvider } from './helpers/identity.ts';
import { startIdentityProvider } from './helpers/identity.ts';
import { logLines } from './helpers/log-lines.ts';
import { keysOf, testRedisUrl } from './helpers/redis.ts';
import type { Api } from './http/api.ts';
import { COPIES, startApi } from './http/api.ts';

const PERMISSIONS = '/amis/ami-0a1b2c3d4e5f60001/permissions?region=us-east-1';
const keys = new TestKeys();
const { logger, lines } = logLines();
const answers: string[] = [];

let provider: IdentityProvider;
let redis: RedisClient;
let api: Api;
beforeAll(async () => {
  provider = await startIdentityProvider();
  redis = connectRedis(testRedisUrl(), 'blocking', () => {});
  const authenticate = authenticator({ apiKeys: keys, verifyToken: jwtVerifier(provider.settings) });
  const policy = new TestPolicy({ '*': { ...EVERYTHING, accounts: ['222222222222'] } });
  api = await startApi({ policy, logger }, { authenticate, logger });
});
afterAll(async () => {
  await api.stop();
  await closeRedis(redis);
  await provider.stop();
});

/** Everything a caller can do, well and badly, with these credentials. */
async function useAll(credentials: Record<string, string>): Promise<void> {
  const headers = { 'content-type': 'application/json', ...credentials };
  const put = (accounts: string[]) =>
    api.call({ method: 'PUT', url: PERMISSIONS, headers, payload: JSON.stringify({ accounts }) });
  const run = [
    await api.post(COPIES, { destinations: [{ region: 'eu-west-1' }] }, { ...headers, prefer: 'wait=20' }),
    await put(['222222222222']),
    await put(['333333333333']),
    await put(['not an account']),
    await api.get('/jobs', credentials),
    await api.get('/audit', credentials),
    await api.get('/nowhere', credentials),
    await api.call({ method: 'POST', url: COPIES, headers, payload: '{' }),
    await api.get('/jobs/019a0f2e-5d31-7c44-9f00-3b1c6a2f8e10', credentials),
    ...(await misplace(Object.values(credentials).join().replace('Bearer ', ''), credentials)),
  ];
  await api.service.control.fault({ action: 'DescribeImages', region: 'us-east-1', times: 2, status: 500 });
  run.push(await api.get('/amis/ami-0a1b2c3d4e5f60001', credentials));
  answers.push(...run.map(({ headers: sent, body }) => `${JSON.stringify(sent)}${body}`));
}

/** Callers put credentials into all kinds of places where they don't belong. */
async function misplace(secret: string, credentials: Record<string, string>) {
  return [
    await api.get(`/jobs?api_key=${secret}`, credentials),
    await api.get(`/jobs?${secret}=1&access_token=${secret}`, credentials),
    await api.get(`/jobs?cursor=${secret}`, credentials),
    await api.get(`/jobs/${secret}`, credentials),
    await api.get(`/${secret}`, credentials),
    await api.get('/jobs', { ...credentials, 'x-request-id': secret, prefer: secret }),
    await api.get('/jobs', { ...credentials, cookie: `amiferry_queues=${secret}`, referer: secret }),
    await api.post(COPIES, { [secret]: secret }, { ...credentials, 'idempotency-key': secret }),
  ];
}

/** Every value of the service in Redis, as text. */
async function redisValues(): Promise<string> {
  const names = await keysOf(redis, api.service.prefix);
  const dumps = await Promise.all(
    names.map(async (name) => {
      const type = await redis.type(name);
      if (type === 'hash') return redis.hgetall(name);
      if (type === 'stream') return redis.xrange(name, '-', '+');
      if (type === 'zset') return redis.zrange(name, 0, '-1');
      if (type === 'set') return redis.smembers(name);
      return type === 'list' ? redis.lrange(name, 0, -1) : redis.get(name);
    }),
  );
  return JSON.stringify([names, dumps]);
}

test('no key and no token is ever written down: not in logs, answers, Redis or the audit', async () => {
  const expires = Math.floor(Date.now() / 1000) - 600;
  const good = [
    keys.make('ci'),
    await provider.token({ scope: 'amis:read amis:copy amis:share amis:admin' }),
  ];
  const bad = [
    `amiferry_000000000000_${'S'.repeat(43)}`,
    await provider.token({ expires }),
    provider.unsigned(),
  ];
  for (const secret of [...good, ...bad]) {
    const isKey = secret.startsWith('amiferry_');
    await useAll(isKey ? { 'x-api-key': secret } : { authorization: `Bearer ${secret}` });
  }
  const { entries } = await api.service.audit.list({ limit: 100 });
  const places = {
    logs: lines.join(''),
    answers: answers.join('\n'),
    redis: await redisValues(),
    audit: JSON.stringify(entries),
  };
  expect(entries.length).toBeGreaterThan(5);
  expect(lines.length).toBeGreaterThan(50);
  expect(places.redis).toContain('key:ci');
  for (const secret of [...good, ...bad]) {
    // Half of one is as good as all of it to whoever guesses the rest: the random end of a key, a token's signature.
    const parts = [secret, secret.split('.').at(-1) || secret, secret.slice(-30)];
    for (const [place, text] of Object.entries(places)) {
      for (const part of parts)
        expect(text.includes(part), `${secret.slice(0, 12)}… in the ${place}`).toBe(false);
    }
  }
});
