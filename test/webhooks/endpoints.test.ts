import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import type { Job } from '../../src/http/schemas/job.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import { webhooksOf } from '../../src/webhooks/endpoints-file.ts';
import { testLogger } from '../helpers/service.ts';
import type { Api } from '../http/api.ts';
import { COPIES, startApi } from '../http/api.ts';
import type { Received, Receiver } from './receiver.ts';
import { startReceiver } from './receiver.ts';

const secret = (name: string) => `whsec_${Buffer.alloc(32, name).toString('base64')}`;
const [COMMON, OWN, NEXT] = [secret('common'), secret('own'), secret('next')];
const PERMISSIONS = '/amis/ami-0a1b2c3d4e5f60001/permissions';

let dir: string;
let file: string;
let receiver: Receiver;
let api: Api | undefined;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'amiferry-endpoints-'));
  file = join(dir, 'endpoints.json');
  receiver = await startReceiver(() => ({ status: 204 }));
  api = undefined;
});
afterEach(async () => {
  await api?.stop();
  await receiver.close();
  await rm(dir, { recursive: true });
});

const write = (endpoints: { url: string; secrets: string[] }[]) =>
  writeFile(file, JSON.stringify({ endpoints }));

/** Starts the service with the settings of an environment. */
async function start(env: Record<string, string>) {
  const config = readConfig({
    WEBHOOK_HTTP: '1',
    WEBHOOK_PRIVATE_ADDRESSES: '127.0.0.1',
    ...env,
  });
  const { webhooks, files } = webhooksOf(config);
  api = await startApi({ webhooks });
  return { api, reload: () => files.forEach((one) => one.reload(testLogger())) };
}

const send = async (
  method: string,
  url: string,
  body: object,
): Promise<{ status: number; json: unknown }> => {
  const headers = { 'content-type': 'application/json' };
  const answer = await api?.call({ method, url, headers, payload: JSON.stringify(body) });
  return { status: answer?.statusCode ?? 0, json: answer?.json() };
};

/** Which of the secrets a message is signed with. */
const signedWith = ({ body, headers }: Received) =>
  [COMMON, OWN, NEXT].filter((one) => {
    try {
      new Webhook(one).verify(body, headers as Record<string, string>);
      return true;
    } catch {
      return false;
    }
  });

const copy = (notify?: { url: string }) =>
  send('POST', COPIES, { destinations: [{ region: 'eu-west-1' }], ...(notify && { notify }) });
const at = (path: string) => receiver.received.filter((one) => one.path === path);

describe('endpoints with secrets of their own', () => {
  test('are told of every job, signed with these alone; all others with the common ones', async () => {
    const origin = new URL(receiver.url).origin;
    await write([{ url: `${origin}/own`, secrets: [OWN] }]);
    await start({ WEBHOOK_ENDPOINTS_FILE: file, WEBHOOK_SECRETS: COMMON, WEBHOOK_URLS: `${origin}/common` });
    expect((await copy({ url: `${origin}/named` })).status).toBe(202);
    await api?.service.steps.until(() => receiver.received.length === 6);
    expect(at('/own').map(signedWith)).toEqual([[OWN], [OWN]]);
    expect(at('/common').map(signedWith)).toEqual([[COMMON], [COMMON]]);
    expect(at('/named').map(signedWith)).toEqual([[COMMON], [COMMON]]);
  });

  test('get what a request sends to their address once, and signed as theirs', async () => {
    const { origin, host } = new URL(receiver.url);
    await write([{ url: `http://${host.toUpperCase()}/own`, secrets: [OWN] }]);
    await start({ WEBHOOK_ENDPOINTS_FILE: file, WEBHOOK_SECRETS: COMMON });
    const { json } = await copy({ url: `${origin}/own` });
    await api?.service.steps.until(() => receiver.received.length === 2);
    const { deliveries } = (await api?.get(`/jobs/${(json as Job).id}`))?.json<Job>() ?? {};
    expect(deliveries).toHaveLength(2);
    expect(at('/own').map(signedWith)).toEqual([[OWN], [OWN]]);
  });

  test('need no common secret; a request can name nobody then', async () => {
    await write([{ url: receiver.url, secrets: [OWN] }]);
    await start({ WEBHOOK_ENDPOINTS_FILE: file, WEBHOOK_URLS: 'http://127.0.0.1:1/never' });
    const named = await copy({ url: receiver.url });
    expect([named.status, (named.json as Problem).code]).toEqual([422, 'webhooks-off']);
    const { json } = await copy();
    await api?.service.steps.until(() => receiver.received.length === 2);
    expect((await api?.get(`/jobs/${(json as Job).id}`))?.json<Job>().deliveries).toHaveLength(2);
  });

  test('change over to new ones while the service runs', async () => {
    await write([{ url: receiver.url, secrets: [OWN] }]);
    const { reload } = await start({ WEBHOOK_ENDPOINTS_FILE: file });
    const steps: [secrets: string[], signed: string[]][] = [
      [[OWN], [OWN]],
      [
        [NEXT, OWN],
        [OWN, NEXT],
      ],
      [[NEXT], [NEXT]],
    ];
    for (const [nth, [secrets, signed]] of steps.entries()) {
      await write([{ url: receiver.url, secrets }]);
      reload();
      await copy();
      await api?.service.steps.until(() => receiver.received.length === 2 * (nth + 1));
      expect(receiver.received.slice(-2).map(signedWith)).toEqual([signed, signed]);
    }
    // A file that is invalid changes nothing.
    await writeFile(file, '{');
    reload();
    await copy();
    await api?.service.steps.until(() => receiver.received.length === 8);
    expect(receiver.received.slice(-2).map(signedWith)).toEqual([[NEXT], [NEXT]]);
  });

  test('that are removed are told nothing more, and signed with no other secret', async () => {
    const removed = 'the endpoint and its secrets were removed from WEBHOOK_ENDPOINTS_FILE';
    await write([{ url: receiver.url, secrets: [OWN] }]);
    const { reload } = await start({ WEBHOOK_ENDPOINTS_FILE: file, WEBHOOK_SECRETS: COMMON });
    const { id } = (await copy()).json as Job;
    await write([]);
    reload();
    const read = async () => (await api?.get(`/jobs/${id}`))?.json<Job>();
    await api?.service.steps.until(async () => (await read())?.deliveries.length === 2);
    await api?.service.steps.until(
      async () => (await read())?.deliveries.every(({ state }) => state === 'failed') ?? false,
    );
    const errors = (await read())?.deliveries.map(({ attempts }) => attempts.map(({ error }) => error));
    expect(errors).toEqual([[removed], [removed]]);
    await api?.post(`/jobs/${id}/deliveries/1/redeliver`);
    await api?.service.steps.until(async () => (await read())?.deliveries[0]?.state === 'failed');
    expect(receiver.received).toEqual([]);
    // It may be named by a request again, as any other: then the common secret is its own.
    await copy({ url: receiver.url });
    await api?.service.steps.until(() => receiver.received.length === 2);
    expect(receiver.received.map(signedWith)).toEqual([[COMMON], [COMMON]]);
  });

  test.each([
    ['no secret', [{ url: 'https://hooks.example.com/', secrets: [] }]],
    ['a weak secret', [{ url: 'https://hooks.example.com/', secrets: ['whsec_c2hvcnQ='] }]],
    ['no URL', [{ url: 'hooks.example.com', secrets: [OWN] }]],
    ['a misspelt field', [{ url: 'https://hooks.example.com/', secret: OWN }]],
  ])('stop the start with %s, and no secret is told', async (_name, endpoints) => {
    await writeFile(file, JSON.stringify({ endpoints }));
    const told = (() => {
      try {
        webhooksOf(readConfig({ WEBHOOK_ENDPOINTS_FILE: file }));
        return '';
      } catch (error) {
        return String(error);
      }
    })();
    expect(told).toContain(`${file} is invalid`);
    for (const { secrets = [] } of endpoints as { secrets?: string[] }[])
      for (const one of secrets) expect(told).not.toContain(one);
  });
});

describe('"notify" in a change of permissions', () => {
  test.each([
    ['PUT', { accounts: ['222222222222'] }],
    ['PATCH', { add: { accounts: ['222222222222'] } }],
  ])('%s: the endpoint is told when it has finished', async (method, change) => {
    await start({ WEBHOOK_SECRETS: COMMON });
    const { status, json } = await send(method, PERMISSIONS, { ...change, notify: { url: receiver.url } });
    expect(status).toBe(202);
    const { id, permissions } = json as Job;
    // Who is told is no permission.
    expect(JSON.stringify(permissions)).not.toContain('notify');
    await api?.service.steps.until(() => receiver.received.length === 1);
    const told = JSON.parse(receiver.received[0]?.body ?? '') as { type: string; data: object };
    expect(told).toMatchObject({
      type: 'job.finished',
      data: { jobId: id, state: 'succeeded', kind: 'permissions' },
    });
  });

  test('is refused before anything is looked at, as with a copy', async () => {
    await start({ WEBHOOK_SECRETS: COMMON, WEBHOOK_PRIVATE_ADDRESSES: '' });
    for (const [method, change] of [
      ['PUT', { accounts: ['222222222222'] }],
      ['PATCH', { add: { accounts: ['222222222222'] } }],
    ] as const) {
      const inside = await send(method, PERMISSIONS, {
        ...change,
        notify: { url: 'http://169.254.169.254/' },
      });
      expect([inside.status, (inside.json as Problem).code]).toEqual([422, 'webhook-refused']);
      const odd = await send(method, PERMISSIONS, { ...change, notify: { url: 'ftp://example.com' } });
      expect([odd.status, (odd.json as Problem).errors?.[0]?.pointer]).toEqual([400, '/notify/url']);
    }
    expect(Object.keys((await api?.service.control.calls())?.calls ?? {})).toEqual(['GetCallerIdentity']);
  });

  test('alone is no change', async () => {
    await start({ WEBHOOK_SECRETS: COMMON });
    const { status, json } = await send('PATCH', PERMISSIONS, { notify: { url: receiver.url } });
    expect([status, (json as Problem).code]).toEqual([400, 'validation-failed']);
  });
});
