import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { authenticator } from '../../src/auth/authenticate.ts';
import type { CopyJob } from '../../src/http/schemas/job.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import { noChromium, sharedBrowser } from '../console/browser.ts';
import { TestKeys, TestPolicy } from '../helpers/access.ts';
import type { Api } from './api.ts';
import { startApi } from './api.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi({ workers: 0 }, { loopbackOnly: true });
});
afterAll(() => api.stop());

const ask = async (host: string) => (await api.get('/jobs', { host })).statusCode;

test.each(['127.0.0.1:3000', 'localhost:3000', 'localhost', '[::1]:3000', 'LOCALHOST'])(
  '%s is answered',
  async (host) => {
    expect(await ask(host)).toBe(200);
  },
);

test.each([
  'evil.example',
  'evil.example:3000',
  '127.0.0.1.evil.example',
  'localhost.evil.example',
  '10.0.0.1',
])('a web page that calls this machine %s is not', async (host) => {
  expect(await ask(host)).toBe(400);
});

test.each(['x-forwarded-host', 'x-forwarded-for', 'forwarded'])('%s makes no difference', async (header) => {
  const value = header === 'forwarded' ? 'for=127.0.0.1;host=localhost' : '127.0.0.1';
  const headers = { host: 'evil.example', [header]: value };
  expect((await api.get('/jobs', headers)).statusCode).toBe(400);
});

test.each(['x-forwarded-for', 'forwarded', 'via', 'x-real-ip', 'X-Forwarded-Host'])(
  'what comes through a proxy is not from this machine alone: %s',
  async (header) => {
    const answer = await api.get('/jobs', { host: HOST, [header]: '127.0.0.1' });
    expect([answer.statusCode, answer.json<Problem>().detail]).toEqual([400, expect.stringMatching(/proxy/)]);
  },
);

test('with AUTH=none only the names of ALLOWED_HOSTS are answered, and health by any', async () => {
  const open = await startApi({ workers: 0 }, { allowedHosts: ['amiferry.internal'] });
  const status = async (host: string, url = '/jobs') => (await open.get(url, { host })).statusCode;
  try {
    expect(await status('amiferry.internal')).toBe(200);
    expect(await status('Amiferry.Internal:3000')).toBe(200);
    expect(await status('localhost:3000')).toBe(200);
    for (const url of ['/jobs', '/', '/docs', '/metrics', '/nowhere'])
      expect([url, await status('evil.example', url)]).toEqual([url, 400]);
    expect(await status('amiferry.internal.evil.example')).toBe(400);
    expect(await status('10.1.2.3:3000', '/health/live')).toBe(200);
    expect(await status('10.1.2.3:3000', '/health/ready')).not.toBe(400);
  } finally {
    await open.stop();
  }
});

test('a trusted proxy does not change by which name the service is called', async () => {
  const changes = { allowedHosts: ['amiferry.internal'], trustedProxies: ['10.0.0.0/16'] };
  const open = await startApi({ workers: 0 }, changes);
  const status = async (host: string, forwarded: string) => {
    const headers = { host, 'x-forwarded-host': forwarded };
    return (await open.call({ method: 'GET', url: '/jobs', headers, remoteAddress: '10.0.0.1' })).statusCode;
  };
  try {
    expect(await status('evil.example', 'amiferry.internal')).toBe(400);
    expect(await status('amiferry.internal', 'evil.example')).toBe(200);
  } finally {
    await open.stop();
  }
});

/** Every route that changes anything, out of the route table itself: a new one is in here by itself. */
const changing = () =>
  api.app.accessTable
    .filter(({ method }) => !['GET', 'HEAD', 'OPTIONS'].includes(method))
    .map(({ method, url }) => ({
      method,
      url: url.replace(':imageId', 'ami-0a1b2c3d4e5f60001').replace(':id', JOB).replace(':n', '1'),
    }));
const JOB = '019a0f2e-5d31-7c44-9f00-3b1c6a2f8e10';
const HOST = '127.0.0.1:3000';

async function change(headers: Record<string, string>): Promise<(number | string)[]> {
  const answers = changing().map(async (route) => {
    const answer = await api.call({ ...route, headers: { host: HOST, ...headers } });
    return `${answer.statusCode} ${answer.body.includes('another origin') ? 'refused as a page' : 'heard'}`;
  });
  return [...new Set(await Promise.all(answers))];
}

test.each<[string, Record<string, string>]>([
  ['of another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
  ['of another port of this machine', { 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:8080' }],
  ['that says its origin alone', { origin: 'https://evil.example' }],
  ['of another port, that says its origin alone', { origin: 'http://127.0.0.1:8080' }],
  ['without an origin of its own', { origin: 'null' }],
  ['whose site is nothing known', { 'sec-fetch-site': 'elsewhere' }],
])('a page %s changes nothing, with or without a body', async (_name, headers) => {
  expect(changing().length).toBeGreaterThan(5);
  expect(await change(headers)).toEqual(['400 refused as a page']);
});

test.each<[string, Record<string, string>]>([
  ['the console', { 'sec-fetch-site': 'same-origin', origin: `http://${HOST}` }],
  ['the console, in a browser without Fetch Metadata', { origin: `http://${HOST}` }],
  ['a person', { 'sec-fetch-site': 'none' }],
  ['a program', {}],
])('%s is heard', async (_name, headers) => {
  expect(await change(headers)).not.toContain('400 refused as a page');
});

test('with AUTH=none on a network it is the same; where credentials are asked for a page has none', async () => {
  const page = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
  const cancel = { method: 'POST', url: `/jobs/${JOB}/cancel`, headers: page };
  const open = await startApi({ workers: 0 }, { authenticate: null });
  const guarded = await startApi(
    { workers: 0, policy: new TestPolicy({}) },
    { authenticate: authenticator({ apiKeys: new TestKeys(), verifyToken: null }) },
  );
  try {
    expect((await open.call(cancel)).statusCode).toBe(400);
    expect((await guarded.call(cancel)).statusCode).toBe(401);
  } finally {
    await Promise.all([open.stop(), guarded.stop()]);
  }
});

test.skipIf(noChromium)('a real browser sends the request of another page, and it is refused', async () => {
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = api.app.server.address() as AddressInfo;
  const evil = createServer((_request, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<title>evil</title>'),
  );
  await new Promise<void>((resolve) => void evil.listen(0, '127.0.0.1', resolve));
  const page = await (await sharedBrowser()).newPage();
  try {
    const { port: evilPort } = evil.address() as AddressInfo;
    await page.goto(`http://localhost:${evilPort}/`);
    const job = (await api.service.copy({ destinations: [{ region: 'eu-west-1' }] })).id;
    const answered = new Promise((resolve) => {
      api.app.server.once('request', ({ method, headers }: IncomingMessage, response: ServerResponse) =>
        response.once('finish', () => resolve([method, headers['sec-fetch-site'], response.statusCode])),
      );
    });
    // The page may not read the answer (Cross-Origin-Resource-Policy), but the request goes out.
    await page.evaluate(
      ([target]) =>
        fetch(target ?? '', { method: 'POST', mode: 'no-cors' }).then(
          () => undefined,
          () => undefined,
        ),
      [`http://127.0.0.1:${port}/jobs/${job}/cancel`],
    );
    expect(await answered).toEqual(['POST', 'cross-site', 400]);
    expect((await api.get(`/jobs/${job}`, { host: HOST })).json<CopyJob>().state).toBe('queued');
  } finally {
    await page.close();
    await new Promise((resolve) => evil.close(resolve));
  }
});
