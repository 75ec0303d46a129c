import { deliveriesOf } from './helpers/service.ts';
import { keyIn } from './helpers/account.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Job } from '../src/http/schemas/job.ts';
import { closeRedis, connectRedis } from '../src/queue/connections.ts';
import { testRedisUrl } from './helpers/redis.ts';
import { logLines } from './helpers/log-lines.ts';
import type { Api } from './http/api.ts';
import { COPIES, startApi } from './http/api.ts';
import type { Receiver } from './webhooks/receiver.ts';
import { startReceiver } from './webhooks/receiver.ts';

const PERMISSIONS = '/amis/ami-0a1b2c3d4e5f60001/permissions';
const SECRET = `whsec_${Buffer.alloc(32, 'log').toString('base64')}`;
const { logger, lines } = logLines();

let receiver: Receiver;
let api: Api;
beforeAll(async () => {
  receiver = await startReceiver(() => ({ status: 204 }));
  const webhooks = { secrets: [SECRET], http: true, privateAddresses: ['127.0.0.1'] };
  api = await startApi({ logger, webhooks }, { logger });
});
afterAll(async () => {
  await api.stop();
  await receiver.close();
});

type Line = Record<string, unknown> & { msg: string };

/** Every line in which the job's id is, wherever. */
const linesOf = (id: string) =>
  lines.filter((line) => line.includes(id)).map((line) => JSON.parse(line) as Line);

async function ask(requestId: string, method: string, url: string, body?: object): Promise<Job> {
  const headers = { 'content-type': 'application/json', 'x-request-id': requestId };
  const payload = body === undefined ? {} : { payload: JSON.stringify(body) };
  const answer = await api.call({ method, url, headers, ...payload });
  expect(answer.statusCode, answer.body).toBe(202);
  return answer.json<Job>();
}

async function untilDone(id: string): Promise<void> {
  await api.service.until(async () => {
    const job = await api.service.store.get(id);
    if (job === null || job.finishedAt === null) return false;
    return (await deliveriesOf(api.service, id)).every(({ state }) => state !== 'pending');
  });
  await api.get(`/jobs/${id}`, { 'x-request-id': 'looks-at-it' });
}

/** What each line has to say of the job. */
function expectAbout(all: Line[], id: string, requestId: string): void {
  for (const line of all) {
    const told = JSON.stringify(line);
    expect(line['job'], told).toBe(id);
    expect(line, told).toHaveProperty('destination');
    expect(line['region'], told).toMatch(/^[a-z]{2}-[a-z]+-\d$/);
    // What another request about the job says has that request's own id.
    const byRequest = 'method' in line || line['outcome'] === 'allowed';
    if (byRequest) expect(line['requestId'], told).toMatch(/^(?:made|tried|looks)-/);
    else expect(line['requestId'], told).toBe(requestId);
    if (line['destination'] !== null)
      expect([line['account'], line['region']].join('/'), told).toBe(line['destination']);
  }
}

test('every line of a copy says which job, destination, region and request', async () => {
  const { control } = api.service;
  await control.fault({ action: 'CopyImage', region: 'eu-west-1', times: 4, status: 500 });
  const copyFails = { reason: 'Copy image failed', snapshotReason: 'Given key ID is not accessible' };
  await control.fault({ action: 'CopyImage', region: 'us-west-2', times: 1, copyFails });
  const { id } = await ask('made-the-copy', 'POST', COPIES, {
    destinations: [{ region: 'eu-west-1' }, { region: 'us-west-2' }],
    permissions: { accounts: ['222222222222'] },
    notify: { url: receiver.url },
  });
  await untilDone(id);
  await ask('tried-it-again', 'POST', `/jobs/${id}/retry`);
  await untilDone(id);

  const all = linesOf(id);
  expectAbout(all, id, 'made-the-copy');
  const said = new Set(all.map(({ msg }) => msg));
  for (const msg of [
    'request',
    'request-copy allowed',
    'step will be repeated',
    'destination.pending',
    'destination.failed',
    'share-image done',
    'job.partial',
    'webhook',
    'retry-job allowed',
    'job.succeeded',
  ])
    expect(said).toContain(msg);
  for (const region of ['eu-west-1', 'us-west-2'])
    expect(all.filter((line) => line['destination'] === keyIn(region)).length).toBeGreaterThan(3);
  // No key twice in a line: JSON.parse would hide it.
  for (const line of lines.filter((one) => one.includes(id)))
    expect(line.match(/,"requestId":/g)?.length, line).toBe(1);
});

test('so does every line of a change of permissions', async () => {
  const { id } = await ask('made-the-change', 'PUT', PERMISSIONS, { accounts: ['222222222222'] });
  await untilDone(id);
  const all = linesOf(id);
  expectAbout(all, id, 'made-the-change');
  expect(new Set(all.map(({ msg }) => msg))).toEqual(
    new Set(['request', 'change-permissions allowed', 'share-image done', 'job.succeeded']),
  );
});

test('and every line of a step that breaks', async () => {
  const { service } = api;
  const { id } = await ask('made-to-break', 'POST', COPIES, { destinations: [{ region: 'eu-north-1' }] });
  await untilDone(id);
  // A record that no version writes.
  const redis = connectRedis(testRedisUrl(), 'blocking', () => {});
  await redis.hset(`${service.prefix}:job:${id}`, 'record', '{');
  await service.producer.wake([
    { step: 'start-copy', jobId: id, destination: keyIn('eu-north-1'), attempt: 1 },
  ]);
  await service.until(() => linesOf(id).some(({ msg }) => msg === 'step failed'));
  await closeRedis(redis);
  const failed = linesOf(id).find(({ msg }) => msg === 'step failed');
  expect(failed).toMatchObject({
    job: id,
    destination: keyIn('eu-north-1'),
    region: 'eu-north-1',
    step: 'start-copy',
  });
});
