import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Job } from '../../src/http/schemas/job.ts';
import type { RespMessage } from '../faults/wire/resp.ts';
import { readResp, textsIn } from '../faults/wire/resp.ts';
import { Proxy } from '../faults/wire/proxy.ts';
import { scriptName, sha1 } from '../faults/wire/script-names.ts';
import { testRedisUrl } from '../helpers/redis.ts';
import { until } from '../helpers/waiting.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

/** Redis as it is when its answer to a write comes late: the write is made, and the client has given up. */
let proxy: Proxy<RespMessage>;
let late: PromiseWithResolvers<void> | undefined;
let api: Api;

function isCommit({ value }: RespMessage): boolean {
  const [command = '', script = ''] = textsIn(value);
  if (command.toLowerCase() === 'eval') return scriptName(sha1(script)) === 'amiferryCommit';
  return command.toLowerCase() === 'evalsha' && scriptName(script) === 'amiferryCommit';
}

/** Holds back all that Redis answers from the next write on, on the connection that sends it. */
function follow() {
  let held: Promise<void> | undefined;
  return {
    request: (message: RespMessage) => {
      if (late !== undefined && isCommit(message)) held = late.promise;
      return undefined;
    },
    reply: () => held,
  };
}

beforeAll(async () => {
  const url = new URL(testRedisUrl());
  proxy = new Proxy({ target: Number(url.port), read: readResp, follow });
  url.port = String(await proxy.listen());
  api = await startApi({ redisUrl: url.href });
});
afterAll(async () => {
  late?.resolve();
  await api.stop();
  await proxy.close();
});
beforeEach(() => api.service.control.reset());

/** Sends a request whose write is answered too late, and the same again once Redis answers. */
async function sentTwice(url: string, body?: unknown) {
  const headers = { 'idempotency-key': `late-${Math.random()}` };
  late = Promise.withResolvers<void>();
  const first = await api.post(url, body, headers);
  late.resolve();
  late = undefined;
  await until(async () => (await api.get('/jobs')).statusCode === 200);
  return { first, again: await api.post(url, body, headers) };
}

const copy = { destinations: [{ region: 'eu-west-1' }] };

test('the repetition of a copy whose write was answered too late is that job', async () => {
  const { first, again } = await sentTwice(COPIES, copy);
  expect(first.statusCode).toBe(503);
  expect([again.statusCode, again.headers['idempotent-replayed']]).toEqual([202, 'true']);
  expect((await api.get('/jobs')).json<{ jobs: Job[] }>().jobs).toHaveLength(1);
  await api.post(`/jobs/${again.json<Job>().id}/cancel`);
});

test('the repetition of a cancel or a retry does nothing a second time', async () => {
  await api.service.control.fault({ action: 'CopyImage', copyFails: { reason: 'broken' } });
  const { id } = (await api.post(COPIES, copy)).json<Job>();
  await api.service.untilFinished(id);
  const retried = await sentTwice(`/jobs/${id}/retry`);
  expect([retried.first.statusCode, retried.again.statusCode]).toEqual([503, 202]);
  expect(retried.again.json<Job>().destinations?.[0]?.attempts).toBe(2);
  const cancelled = await sentTwice(`/jobs/${id}/cancel`);
  expect([cancelled.first.statusCode, cancelled.again.statusCode]).toEqual([503, 202]);
  expect(cancelled.again.json<Job>().state).toBe('cancelled');
});
