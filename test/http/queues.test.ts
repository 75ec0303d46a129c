import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authenticator } from '../../src/auth/authenticate.ts';
import { closeRedis, connectRedis } from '../../src/queue/connections.ts';
import { keysOf, testRedisUrl } from '../helpers/redis.ts';
import { EVERYTHING, TestKeys, TestPolicy } from '../helpers/access.ts';
import type { Api } from './api.ts';
import { startApi } from './api.ts';

const keys = new TestKeys();
let api: Api;
beforeAll(async () => {
  const authenticate = authenticator({ apiKeys: keys, verifyToken: null });
  api = await startApi({ workers: 0, policy: new TestPolicy({ '*': EVERYTHING }) }, { authenticate });
});
afterAll(() => api.stop());

const admin = () => ({ 'x-api-key': keys.make('admin', ['amis:admin']) });

/** Signs a browser in, and gives what it sends along from then on. */
async function session(): Promise<{ cookie: string }> {
  const answer = await api.post('/queues/session', undefined, admin());
  expect([answer.statusCode, answer.body]).toEqual([204, '']);
  return { cookie: String(answer.headers['set-cookie']).split(';', 1)[0] ?? '' };
}

describe('the session of a browser', () => {
  test('is out of reach of scripts and other sites, and short', async () => {
    const answer = await api.post('/queues/session', undefined, admin());
    expect(String(answer.headers['set-cookie'])).toMatch(
      /^amiferry_queues=[\w-]{43}; Path=\/queues; Max-Age=900; HttpOnly; SameSite=Strict$/,
    );
    const overTls = await api.post('/queues/session', undefined, {
      ...admin(),
      'x-forwarded-proto': 'https',
    });
    expect(String(overTls.headers['set-cookie'])).toMatch(/; Secure$/);
  });

  test('is a new one each time, whatever Idempotency-Key says', async () => {
    const headers = { ...admin(), 'idempotency-key': 'the-same' };
    const answers = [
      await api.post('/queues/session', undefined, headers),
      await api.post('/queues/session', undefined, headers),
    ];
    const cookies = answers.map((answer) => String(answer.headers['set-cookie']));
    expect(new Set(cookies).size).toBe(2);
    expect(cookies.every((cookie) => cookie.startsWith('amiferry_queues='))).toBe(true);
  });

  test('is for administrators, with credentials, and in the audit', async () => {
    const reader = {
      'x-api-key': keys.make('reader', ['amis:read', 'amis:copy', 'amis:share', 'amis:publish']),
    };
    expect((await api.post('/queues/session', undefined, reader)).statusCode).toBe(403);
    expect((await api.post('/queues/session', undefined, await session())).statusCode).toBe(401);
    const { entries } = await api.service.audit.list({ limit: 2, action: 'open-queues' });
    expect(entries[0]).toMatchObject({ outcome: 'allowed', principal: 'key:admin' });
  });

  test('lets in to the queues, for reading, and nowhere else', async () => {
    const headers = await session();
    for (const url of ['/queues', '/queues/', '/queues/api/queues', '/queues/queue/steps'])
      expect((await api.get(url, headers)).statusCode, url).toBe(200);
    for (const { method, url, access } of api.app.accessTable) {
      if (access() === 'everybody' || (url.startsWith('/queues') && !url.endsWith('/session'))) continue;
      const path = url
        .replace(':imageId', 'ami-0a1b2c3d4e5f60001')
        .replace(':id', '019a0f2e-5d31-7c44-9f00-3b1c6a2f8e10');
      const answer = await api.call({ method, url: path.replace(':n', '1'), headers });
      expect(answer.statusCode, `${method} ${url}`).toBe(401);
    }
  });

  test('is over when it is closed, and after its time', async () => {
    const headers = await session();
    const closed = await api.call({
      method: 'DELETE',
      url: '/queues/session',
      headers: { ...admin(), ...headers },
    });
    expect(closed.statusCode).toBe(204);
    expect(String(closed.headers['set-cookie'])).toMatch(/^amiferry_queues=; .*Max-Age=0;/);
    expect((await api.get('/queues', headers)).statusCode).toBe(401);
    const other = await session();
    await api.forget();
    expect((await api.get('/queues', other)).statusCode).toBe(401);
  });

  test('is kept as a hash alone, for a quarter of an hour', async () => {
    const { cookie } = await session();
    const [, secret = ''] = cookie.split('=');
    const redis = connectRedis(testRedisUrl(), 'blocking', () => {});
    const names = await keysOf(redis, `${api.service.prefix}:queue-session:`);
    const kept = await Promise.all(
      names.map(async (name) => [name, await redis.get(name), await redis.ttl(name)]),
    );
    await closeRedis(redis);
    expect(kept).toHaveLength(1);
    expect(JSON.stringify(kept)).not.toContain(secret);
    expect(kept[0]?.[2]).toSatisfy((ttl: number) => ttl > 800 && ttl <= 900);
  });
});

test('shows what waits, and has no way to change it', async () => {
  const { id } = await api.service.copy({ destinations: [{ region: 'eu-west-1' }] });
  const board = await api.get('/queues/api/queues?activeQueue=steps&status=waiting', admin());
  const { queues } = board.json<{
    queues: { name: string; readOnlyMode: boolean; jobs: { id: string }[] }[];
  }>();
  expect(queues.map(({ name, readOnlyMode }) => [name, readOnlyMode])).toEqual([
    ['steps', true],
    ['webhooks', true],
  ]);
  const waiting = `start-copies.${id}`;
  expect(queues[0]?.jobs.map((job) => job.id)).toEqual([waiting]);

  const changes: [method: string, path: string][] = [
    ['PUT', 'api/queues/steps/pause'],
    ['PUT', 'api/queues/steps/retry/failed'],
    ['PUT', 'api/queues/steps/clean/waiting'],
    ['PUT', 'api/queues/steps/empty'],
    ['PUT', 'api/queues/steps/obliterate'],
    ['POST', 'api/queues/steps/add'],
    ['PUT', `api/queues/steps/${encodeURIComponent(waiting)}/clean`],
    ['PATCH', `api/queues/steps/${encodeURIComponent(waiting)}/update-data`],
  ];
  for (const [method, path] of changes) {
    const answer = await api.call({ method, url: `/queues/${path}`, headers: admin() });
    expect([answer.statusCode, answer.headers.allow], path).toEqual([405, 'GET, HEAD']);
  }
  expect(await api.service.producer.counts()).toMatchObject({ waiting: 1 });
});

test('allows scripts of its own files only, and no other host', async () => {
  const page = await api.get('/queues/', admin());
  const csp = String(page.headers['content-security-policy']);
  expect(csp.split(';')).toEqual(
    expect.arrayContaining([
      "default-src 'none'",
      "script-src 'self'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
    ]),
  );
  expect(csp).not.toMatch(/unsafe-eval|\*|https?:/);
  expect(page.body).toContain('<base href="/queues/"');
  expect(page.body).not.toMatch(/(?:href|src)="https?:/);
});

test('what is not there is 404, and says nothing of the inside', async () => {
  for (const path of [
    'nowhere',
    'static/../../package.json',
    'static/%2e%2e/%2e%2e/package.json',
    'api/queues/steps/1',
  ])
    expect((await api.get(`/queues/${path}`, admin())).statusCode, path).toBe(404);
});
