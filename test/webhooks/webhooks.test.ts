import { OWN } from '../helpers/account.ts';
import type { LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, test } from 'vitest';
import type { AuditPage } from '../../src/http/schemas/audit.ts';
import type { Job, Delivery } from '../../src/http/schemas/job.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import type { ServiceOptions } from '../helpers/service.ts';
import type { Api } from '../http/api.ts';
import { COPIES, startApi } from '../http/api.ts';
import type { Answer, Received, Receiver } from './receiver.ts';
import { startReceiver } from './receiver.ts';
import { loseWakeUps } from '../helpers/wake-ups.ts';

const NEW = `whsec_${Buffer.alloc(32, 'new').toString('base64')}`;
const OLD = `whsec_${Buffer.alloc(24, 'old').toString('base64')}`;
/** Loopback and http are let through: that is where a receiver of a test lives. */
const LOOPBACK = { secrets: [NEW, OLD], http: true, privateAddresses: ['127.0.0.1'] };
const SWIFT = { webhookTimes: { backoffMs: 0.01, retryMs: 60_000 } };

let api: Api;
const receivers: Receiver[] = [];
afterEach(async () => {
  await api.stop();
  await Promise.all(receivers.splice(0).map((one) => one.close()));
});

async function start(options: ServiceOptions = {}): Promise<void> {
  api = await startApi({ settings: SWIFT, ...options, webhooks: { ...LOOPBACK, ...options.webhooks } });
}

async function receiver(answer: (before: number, one: Received) => Answer | null = () => ({ status: 204 })) {
  const one = await startReceiver(answer);
  receivers.push(one);
  return one;
}

const request = (url: string, ...regions: string[]) =>
  api.post(COPIES, { destinations: regions.map((region) => ({ region })), notify: { url } });
const jobOf = async (id: string) => (await api.get(`/jobs/${id}`)).json<Job>();

/** The job as soon as no message of it waits to be sent, and there are some. */
async function untilTold(id: string): Promise<Job> {
  let job = await jobOf(id);
  await api.service.steps.until(async () => {
    job = await jobOf(id);
    return job.finishedAt !== null && job.deliveries.every(({ state }) => state !== 'pending');
  });
  return job;
}

async function copied(url: string, ...regions: string[]): Promise<Job> {
  const accepted = await request(url, ...regions);
  expect(accepted.statusCode).toBe(202);
  return untilTold(accepted.json<Job>().id);
}

const idOf = ({ headers }: Received) => headers['webhook-id'];
const verified = ({ body, headers }: Received, secret: string) =>
  new Webhook(secret).verify(body, headers as Record<string, string>);

describe('messages', () => {
  test('tell of each destination and of the job, signed with every secret, and are written down', async () => {
    const everything = await receiver();
    await start({ webhooks: { urls: [everything.url] } });
    await api.service.control.fault({
      action: 'CopyImage',
      region: 'eu-west-1',
      times: 1,
      copyFails: { reason: 'the key is gone' },
    });
    const { url, received } = await receiver();
    const job = await copied(url, 'eu-west-1', 'us-west-2');

    const told = received.map((one) => {
      expect(verified(one, OLD)).toEqual(verified(one, NEW));
      return verified(one, NEW) as { type: string; timestamp: string; data: Record<string, unknown> };
    });
    const about = (type: string) => told.filter((one) => one.type === type);
    expect(told).toHaveLength(3);
    expect(about('job.finished')).toEqual([
      {
        type: 'job.finished',
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
        data: {
          jobId: job.id,
          kind: 'copy',
          image: job.image,
          requestedBy: 'anonymous',
          state: 'partial',
          destinations: [
            {
              account: OWN,
              region: 'eu-west-1',
              name: 'golden-web',
              state: 'failed',
              imageId: job.destinations?.[0]?.imageId,
              error: { code: 'copy-failed', message: expect.stringContaining('the key is gone') },
            },
            {
              account: OWN,
              region: 'us-west-2',
              name: 'golden-web',
              state: 'succeeded',
              imageId: job.destinations?.[1]?.imageId,
              error: null,
            },
          ],
        },
      },
    ]);
    const regions = about('destination.finished').map(({ data }) => data['destination']);
    expect(regions).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ region: 'eu-west-1', state: 'failed' }),
        expect.objectContaining({ region: 'us-west-2', state: 'succeeded' }),
      ]),
    );
    expect(() => verified({ ...received[0], body: '{}' } as Received, NEW)).toThrow('signature');

    expect(everything.received).toHaveLength(3);
    const ids = [...received, ...everything.received].map(idOf);
    expect(new Set(ids).size).toBe(6);
    expect(job.deliveries.map(({ webhookId }) => webhookId).toSorted()).toEqual(ids.map(String).toSorted());
    expect(job.deliveries[0]).toEqual({
      n: 1,
      webhookId: `msg_${job.id}_1`,
      event: 'destination.finished',
      host: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      state: 'delivered',
      attempts: [{ at: expect.any(String), status: 204, error: null }],
      nextAttemptAt: null,
    });
    expect((await api.get('/metrics')).body).toContain(
      'amiferry_webhook_attempts_total{outcome="delivered"} 6',
    );
  });

  test('go out for changes of permissions and cancelled jobs too', async () => {
    const { url, received } = await receiver();
    await start({ workers: 0, webhooks: { urls: [url] } });
    const { id } = (await api.post(COPIES, { destinations: [{ region: 'eu-west-1' }] })).json<Job>();
    await api.post(`/jobs/${id}/cancel`);
    const put = await api.call({
      method: 'PUT',
      url: '/amis/ami-0a1b2c3d4e5f60001/permissions',
      headers: { 'content-type': 'application/json' },
      payload: JSON.stringify({ accounts: ['222222222222'] }),
    });
    await untilTold(put.json<Job>().id);
    await api.service.steps.until(() => received.length === 3);
    const told = received.map(
      ({ body }) => JSON.parse(body) as { type: string; data: Record<string, unknown> },
    );
    expect(told.map(({ type, data }) => [type, data['kind'], data['state']])).toEqual(
      expect.arrayContaining([
        ['destination.finished', 'copy', 'cancelled'],
        ['job.finished', 'copy', 'cancelled'],
        ['job.finished', 'permissions', 'succeeded'],
      ]),
    );
  });

  test('a receiver that fails nine times and then accepts gets each under one id', async () => {
    const tries = new Map<string, number>();
    const { url, received } = await receiver((_before, one) => {
      const id = String(idOf(one));
      tries.set(id, (tries.get(id) ?? 0) + 1);
      return { status: tries.get(id) === 10 ? 200 : 500 };
    });
    await start();
    const job = await copied(url, 'eu-west-1');
    expect([...tries.values()]).toEqual([10, 10]);
    for (const one of received) verified(one, NEW);
    for (const { state, attempts } of job.deliveries) {
      expect(state).toBe('delivered');
      expect(attempts.map(({ status }) => status)).toEqual([...Array<number>(9).fill(500), 200]);
      expect(attempts[0]?.error).toBe('it answered 500');
    }
  });

  test('one that never takes any is given up in the end', async () => {
    const { url } = await receiver(() => ({ status: 503 }));
    await start({ settings: { webhookTimes: { backoffMs: 100, retryMs: 2000 } } });
    const job = await copied(url, 'eu-west-1');
    for (const { state, attempts, nextAttemptAt } of job.deliveries) {
      expect([state, nextAttemptAt]).toEqual(['failed', null]);
      expect(attempts.length).toBeGreaterThan(1);
    }
  });

  test('410 ends them for that endpoint, until it is asked for again and takes one', async () => {
    let wanted = false;
    const { url, received } = await receiver(() => ({ status: wanted ? 200 : 410 }));
    await start();
    const first = await copied(url, 'eu-west-1', 'us-west-2');
    expect(first.deliveries.map(({ state }) => state)).not.toContain('delivered');
    const asked = received.length;
    const second = await copied(url, 'eu-west-2');
    expect(second.deliveries.map(({ state }) => state)).toEqual(
      ['failed', 'failed'].slice(0, second.deliveries.length),
    );
    expect(received).toHaveLength(asked);

    wanted = true;
    const n = second.deliveries[0]?.n;
    expect((await api.post(`/jobs/${second.id}/deliveries/${n}/redeliver`)).statusCode).toBe(202);
    await untilTold(second.id);
    expect(received).toHaveLength(asked + 1);
    expect((await copied(url, 'eu-west-3')).deliveries.map(({ state }) => state)).toEqual([
      'delivered',
      'delivered',
    ]);
  });

  test('are sent again on demand, under the same id', async () => {
    const { url, received } = await receiver();
    await start();
    const job = await copied(url, 'eu-west-1');
    expect(received).toHaveLength(2);
    const again = await api.post(`/jobs/${job.id}/deliveries/2/redeliver`);
    const { entries } = (await api.get(`/audit?jobId=${job.id}&action=redeliver`)).json<AuditPage>();
    expect(entries).toEqual([expect.objectContaining({ outcome: 'allowed', principal: 'anonymous' })]);
    expect(again.json<Job>().deliveries[1]).toMatchObject({ state: 'pending' });
    await untilTold(job.id);
    const ids = received.map(idOf);
    expect(ids[2]).toBe(`msg_${job.id}_2`);
    expect(ids.filter((id) => id === ids[2])).toHaveLength(2);
    expect(received[2]?.body).toBe(received.find((one) => idOf(one) === ids[2])?.body);

    const none = await api.post(`/jobs/${job.id}/deliveries/9/redeliver`);
    expect([none.statusCode, none.json<Problem>().code]).toEqual([404, 'delivery-not-found']);
    const odd = await api.post(`/jobs/${job.id}/deliveries/none/redeliver`);
    expect(odd.statusCode).toBe(400);
  });

  test('a wake-up that was lost is made good by the sweeper', async () => {
    const { url, received } = await receiver();
    await start({ workers: 0 });
    const { id } = (await request(url, 'eu-west-1')).json<Job>();
    await api.post(`/jobs/${id}/cancel`);
    expect(await loseWakeUps(api.service)).toBeGreaterThan(0);
    expect((await jobOf(id)).deliveries.map(({ state }) => state)).toEqual(['pending', 'pending']);
    await untilTold(id);
    expect(received).toHaveLength(2);
  });
});

describe('what may not be told', () => {
  const REFUSED: [string, RegExp][] = [
    ['http://example.com/', /https/],
    ['https://127.0.0.1/', /public/],
    ['https://127.1/', /public/],
    ['https://2130706433/', /public/],
    ['https://0x7f000001/', /public/],
    ['https://0.0.0.0/', /public/],
    ['https://10.0.0.1/', /public/],
    ['https://192.168.1.1:8443/x', /public/],
    ['https://172.16.0.1/', /public/],
    ['https://169.254.169.254/latest/meta-data', /public/],
    ['https://100.64.0.1/', /public/],
    ['https://[::1]/', /public/],
    ['https://[::ffff:127.0.0.1]/', /public/],
    ['https://[fe80::1]/', /public/],
    ['https://[::127.0.0.1]/', /public/],
    ['https://[::10.0.0.1]/', /public/],
    ['https://[4000::1]/', /public/],
    ['https://[fd00::1]/', /public/],
    ['https://[64:ff9b::7f00:1]/', /public/],
    ['https://localhost/', /public/],
    ['https://localhost./', /public/],
    ['https://app.localhost/', /public/],
    ['https://user:password@example.com/', /password/],
    ['https://example.com/#here', /#/],
    ['https://exa mple.com/', /URL/],
    ['https://', /URL/],
    ['ftp://example.com/', /https/],
    ['javascript:alert(1)', /https/],
  ];

  test('what can be seen to be none of our business is refused at once', async () => {
    await start({ workers: 0, webhooks: { http: false, privateAddresses: [] } });
    for (const [url, why] of REFUSED) {
      const answer = await request(url, 'eu-west-1');
      const { code, errors } = answer.json<Problem>();
      // What doesn't even look like a URL breaks the schema already.
      const kind = /^https?:\/\/\S+$/.test(url) ? [422, 'webhook-refused'] : [400, 'validation-failed'];
      expect([answer.statusCode, code], url).toEqual(kind);
      expect(errors).toEqual([{ pointer: '/notify/url', message: expect.stringMatching(why) }]);
    }
    expect((await api.get('/jobs')).json<{ jobs: Job[] }>().jobs).toEqual([]);
  });

  test('hosts outside the list, where there is one', async () => {
    await start({ workers: 0, webhooks: { http: false, hosts: ['hooks.example.com', '*.example.org'] } });
    for (const host of ['hooks.example.com', 'a.example.org', 'a.b.example.org'])
      expect((await request(`https://${host}/x`, 'eu-west-1')).statusCode).toBe(202);
    for (const host of ['example.com', 'example.org', 'evilexample.org', 'hooks.example.com.evil.net'])
      expect((await request(`https://${host}/x`, 'eu-west-1')).json<Problem>().code).toBe('webhook-refused');
  });

  test('anybody, while no secret is set', async () => {
    await start({ workers: 0, webhooks: { secrets: [], urls: ['https://example.com/'] } });
    expect((await request('https://example.com/', 'eu-west-1')).json<Problem>().code).toBe('webhooks-off');
    const { id } = (await api.post(COPIES, { destinations: [{ region: 'eu-west-1' }] })).json<Job>();
    await api.post(`/jobs/${id}/cancel`);
    expect((await jobOf(id)).deliveries).toEqual([]);
  });

  const lastError = ({ attempts }: Delivery) => attempts.at(-1)?.error;

  /** Resolves every name to what `addresses` says next, and to the last one from then on. */
  function resolver(...addresses: string[]): LookupFunction {
    return (_name, options, done) => {
      const address = (addresses.length > 1 ? addresses.shift() : addresses[0]) ?? '';
      const family = isIP(address);
      if (options.all) done(null, [{ address, family }]);
      else done(null, address, family);
    };
  }

  test('a name that leads to a private address is refused when it is connected to', async () => {
    const { port, received } = await receiver();
    await start({ webhooks: { privateAddresses: [] }, lookup: resolver('127.0.0.1') });
    const job = await copied(`http://innocent.example:${port}/`, 'eu-west-1');
    expect(received).toEqual([]);
    for (const one of job.deliveries) {
      expect(one.state).toBe('failed');
      expect(lastError(one)).toBe('its name resolves to an address to which no webhooks may be sent');
    }
  });

  test.each([
    ['an IPv4-compatible address', '::127.0.0.1'],
    ['an IPv4-compatible address in hexadecimal', '::7f00:1'],
    ['an IPv4-mapped address', '::ffff:127.0.0.1'],
    ['a NAT64 address', '64:ff9b::7f00:1'],
    ['a NAT64 address of a network of its own', '64:ff9b:1::7f00:1'],
    ['a 6to4 address', '2002:7f00:1::'],
    ['a Teredo address', '2001:0:7f00:1::'],
    ['an address that is not given out', '4000::1'],
    ['a link-local address with its zone', 'fe80::1%lo'],
  ])('a name that leads to %s is refused when it is connected to', async (_name, address) => {
    await start({ webhooks: { privateAddresses: ['127.0.0.1', '10.0.0.0/8'] }, lookup: resolver(address) });
    const job = await copied('http://innocent.example/', 'eu-west-1');
    expect(job.deliveries.map(({ state }) => state)).toEqual(['failed', 'failed']);
    for (const one of job.deliveries)
      expect(lastError(one)).toBe('its name resolves to an address to which no webhooks may be sent');
  });

  test('a name that changes is looked at again at each try', async () => {
    const { port, received } = await receiver(() => ({ status: 500 }));
    // It leads to where it may first, and to the instance metadata from then on.
    await start({
      webhooks: { privateAddresses: ['127.0.0.1'] },
      lookup: resolver('127.0.0.1', '169.254.169.254'),
    });
    const job = await copied(`http://changing.example:${port}/`, 'eu-west-1');
    expect(received).toHaveLength(1);
    for (const one of job.deliveries) expect(lastError(one)).toMatch(/no webhooks may be sent/);
  });

  test('a redirect is not followed, wherever it leads', async () => {
    const inside = await receiver();
    const { url, received } = await receiver(() => ({ status: 302, headers: { location: inside.url } }));
    await start({ settings: { webhookTimes: { backoffMs: 10, retryMs: 50 } } });
    const job = await copied(url, 'eu-west-1');
    expect(received.length).toBeGreaterThanOrEqual(2);
    expect(inside.received).toEqual([]);
    for (const one of job.deliveries)
      expect(lastError(one)).toBe('it answered with a redirect, which is not followed');
  });
});
