import { afterEach, expect, test } from 'vitest';
import type { LookupFunction } from 'node:net';
import { onCopy } from '../../src/domain/apply-transition.ts';
import { stopAll } from '../../src/domain/removal-transitions.ts';
import { NO_WEBHOOKS } from '../../src/webhooks/settings.ts';
import { WebhookSender } from '../../src/webhooks/send.ts';
import type { Job } from '../../src/http/schemas/job.ts';
import { copyJob } from '../helpers/copy-job.ts';
import { deliveriesOf } from '../helpers/service.ts';
import { until } from '../helpers/waiting.ts';
import type { Api } from '../http/api.ts';
import { COPIES, startApi } from '../http/api.ts';
import type { Receiver } from './receiver.ts';
import { startReceiver } from './receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 'slow').toString('base64')}`;
const LOOPBACK = { secrets: [SECRET], http: true, privateAddresses: ['127.0.0.1'] };
const REGIONS = [
  'eu-west-1',
  'eu-west-2',
  'eu-west-3',
  'eu-central-1',
  'us-west-1',
  'us-west-2',
  'sa-east-1',
];
const MESSAGE = { id: 'msg', body: '{}', ownOnly: false, now: 0 };

let api: Api | undefined;
const receivers: Receiver[] = [];
afterEach(async () => {
  for (const one of receivers.splice(0)) await one.close();
  await api?.stop();
  api = undefined;
});

async function receiver(answers: boolean): Promise<Receiver> {
  const one = await startReceiver(() => (answers ? { status: 204 } : null));
  receivers.push(one);
  return one;
}

test('a receiver that never answers leaves the workers to all others', async () => {
  const [silent, other] = [await receiver(false), await receiver(true)];
  const running = await startApi({ workers: 0, webhooks: LOOPBACK });
  api = running;
  const cancelled = async (url: string, regions: string[]) => {
    const destinations = regions.map((region) => ({ region }));
    const { id } = (await running.post(COPIES, { destinations, notify: { url } })).json<Job>();
    await running.post(`/jobs/${id}/cancel`);
    return id;
  };
  for (let i = 0; i < 5; i += 1) await cancelled(silent.url, REGIONS);
  await running.service.startWorker();
  await until(() => silent.received.length > 0);
  const id = await cancelled(other.url, ['eu-west-1']);
  await until(async () => {
    const { deliveries } = (await running.get(`/jobs/${id}`)).json<Job>();
    return deliveries.every(({ state }) => state === 'delivered');
  });
  // Forty messages are due there; the others wait in the queue and not in a worker.
  expect(silent.received.length).toBeLessThanOrEqual(4);
});

test('a message that is under way to a host takes one of its places, whatever its path', () => {
  const sender = new WebhookSender(NO_WEBHOOKS);
  const taken = [1, 2, 3, 4].map((n) => sender.reserve(`https://hooks.example.com/${n}`, `key:${n}`));
  expect(taken).not.toContain(null);
  expect(sender.reserve('https://hooks.example.com/5', 'key:5')).toBeNull();
  expect(sender.reserve('https://other.example.com/', 'key:5')).not.toBeNull();
  taken[0]?.();
  expect(sender.reserve('https://hooks.example.com/5', 'key:5')).not.toBeNull();
});

test('a caller whose receivers never answer leaves half of a worker to others, however many names they have', async () => {
  const [silent, other] = [await receiver(false), await receiver(true)];
  const lookup: LookupFunction = (_name, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]);
  const running = await startApi({ workers: 0, webhooks: LOOPBACK, lookup });
  api = running;
  const { store, startWorker } = running.service;
  const cancelled = async (requestedBy: string, notify: string[]) => {
    const job = copyJob({ requestedBy, notify }, ['eu-west-1']);
    await store.create(job);
    await store.update(job.id, onCopy(stopAll('cancel')));
    return job.id;
  };
  const { port } = new URL(silent.url);
  await cancelled(
    'key:many-names',
    Array.from({ length: 30 }, (_, i) => `http://name-${i}.example:${port}/`),
  );
  await startWorker();
  await until(() => silent.received.length >= 20);
  const id = await cancelled('key:other', [other.url]);
  await until(async () => (await deliveriesOf({ store }, id)).every(({ state }) => state === 'delivered'));
  expect(silent.received.length).toBe(20);
});

test.each([
  ['a name that is never resolved', () => 'http://unresolved.example/', () => {}],
  ['an answer that never comes', () => receivers[0]?.url ?? '', undefined],
])('the deadline of a message covers %s', async (_name, url, lookup) => {
  await receiver(false);
  const sender = new WebhookSender({ ...NO_WEBHOOKS, ...LOOPBACK }, lookup, 50);
  expect(await sender.send({ ...MESSAGE, url: url() })).toEqual({
    outcome: 'again',
    status: null,
    error: 'no answer within 0.05 s',
  });
});
