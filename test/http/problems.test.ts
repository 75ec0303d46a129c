import { once } from 'node:events';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import supertest from 'supertest';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Job } from '../../src/http/schemas/job.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import { until } from '../helpers/waiting.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

/** What the service logged, a line an entry. */
const lines: string[] = [];
const logger = pino(
  { level: 'info' },
  new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) }),
);
const entries = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);

let api: Api;
beforeAll(async () => {
  api = await startApi({ workers: 0 }, { logger });
  await api.app.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(() => api.stop());
beforeEach(() => void lines.splice(0));

describe('problem details', () => {
  test.each([
    ['GET', '/index.html', 404, 'not-found'],
    ['GET', '/console/package.json', 404, 'not-found'],
    ['GET', '/amis', 404, 'not-found'],
    ['POST', '/nope?x=1', 404, 'not-found'],
    ['GET', '/jobs/x/y', 404, 'not-found'],
    ['GET', '/docs/../../etc/passwd', 404, 'not-found'],
  ])('%s %s is %i %s', async (method, url, status, code) => {
    const answer = await supertest(api.app.server)[method === 'GET' ? 'get' : 'post'](url);
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(JSON.parse(answer.text)).toMatchObject({
      type: `urn:amiferry:error:${code}`,
      title: 'No such route',
      status,
      code,
      instance: expect.stringMatching(/^\/[^?]*$/),
      requestId: answer.headers['x-request-id'],
    });
  });

  test.each([
    ['DELETE', '/jobs', 'GET, HEAD'],
    ['PUT', '/amis/ami-0a1b2c3d4e5f60001/copies', 'POST, GET, HEAD'],
    ['POST', '/amis/ami-0a1b2c3d4e5f60001', 'GET, HEAD'],
    ['GET', '/jobs/019a0f2e-5d31-7c44-9f00-3b1c6a2f8e10/cancel', 'POST'],
    ['PATCH', '/health/live', 'GET, HEAD'],
    ['OPTIONS', '/jobs', 'GET, HEAD'],
  ] as const)('%s %s is 405, with what is allowed', async (method, url, allow) => {
    const answer = await api.app.inject({ method, url });
    expect([answer.statusCode, answer.headers['allow']]).toEqual([405, allow]);
    expect(answer.json<Problem>().code).toBe('method-not-allowed');
  });

  test.each([
    ['no HTTP at all', 'hello\r\n\r\n', 400, 'bad-request'],
    [
      '20 KiB of headers',
      `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers-too-large',
    ],
  ])('%s', async (_name, request, status, code) => {
    const { port } = api.app.server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    socket.write(request);
    const answer = await text(socket);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} .*\r\n.*application/problem\\+json`));
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ status, code });
  });

  test('a client that goes away in the middle of its body is logged as that, and not as an outage of Redis', async () => {
    const { port } = api.app.server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    socket.write(
      `POST ${COPIES} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
    );
    await once(socket, 'connect');
    socket.destroy();
    await until(() => lines.length === 1);
    expect(entries()).toMatchObject([{ level: 30, method: 'POST', url: COPIES, aborted: true }]);
  });

  test('a fault of ours shows nothing of its inside, and the log shows all of it', async () => {
    const { app, stop } = await startApi(
      { workers: 0 },
      { logger, redis: { info: () => Promise.resolve('') }, gateway: broken('/srv/secret/path.ts') },
    );
    try {
      const answer = await app.inject('/amis/ami-0a1b2c3d4e5f60001');
      expect([answer.statusCode, answer.json<Problem>().code]).toEqual([500, 'internal-error']);
      expect(answer.body).not.toContain('secret');
      const logged = entries().find((entry) => entry['level'] === 50);
      expect(logged).toMatchObject({ requestId: answer.json<Problem>().requestId });
      expect(JSON.stringify(logged)).toContain('/srv/secret/path.ts');
    } finally {
      await stop();
    }
  });
});

describe('request ids', () => {
  test.each(['0123456789abcdef', 'a.b_c-d8', 'A'.repeat(64)])('%s is taken', async (id) => {
    expect((await api.get('/health/live', { 'x-request-id': id })).headers['x-request-id']).toBe(id);
  });

  test.each(['short', 'A'.repeat(65), 'has space in it', 'line\nbreak-line', '<script>alert()', ''])(
    '%j is replaced by a UUID',
    async (id) => {
      const answer = await api.get('/health/live', { 'x-request-id': id });
      expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    },
  );
});

describe('the log', () => {
  test('has one line a request, with the job where there is one', async () => {
    const { id } = (await api.post(COPIES, { destinations: [{ region: 'eu-west-1' }] })).json<Job>();
    await api.get(`/jobs/${id}`, { 'x-request-id': 'my-request' });
    await api.get('/jobs?limit=none');
    await until(() => lines.length === 3);
    expect(entries()).toMatchObject([
      {
        method: 'POST',
        url: COPIES,
        status: 202,
        job: id,
        ms: expect.any(Number),
        requestId: expect.any(String),
      },
      { method: 'GET', url: `/jobs/${id}`, status: 200, job: id, requestId: 'my-request' },
      { method: 'GET', url: '/jobs?limit=none', status: 400, code: 'validation-failed' },
    ]);
  });

  test('holds no body, no credentials, and no line break', async () => {
    const body = { destinations: [{ region: 'eu-west-1' }], description: 'hush-hush' };
    await api.post(COPIES, body, { authorization: 'Bearer hush-hush', cookie: 'a=hush-hush' });
    await api.post(COPIES, { ...body, description: 'hush-hush\n{"level":50}' });
    await api.app.inject({ url: '/jobs?state=%0a%7b%22level%22:50%7d' });
    await until(() => lines.length === 3);
    expect(lines.join('')).not.toContain('hush');
    for (const line of lines) expect(line.indexOf('\n')).toBe(line.length - 1);
  });
});

/** A gateway that fails in a way nobody foresaw. */
function broken(inside: string): Api['service']['gateway'] {
  const { gateway } = api.service;
  return Object.create(gateway, {
    describeImage: { value: () => Promise.reject(new Error(`cannot read ${inside}`)) },
    close: { value: () => undefined },
  });
}
