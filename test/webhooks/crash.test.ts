import { afterEach, expect, test } from 'vitest';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { onCopy } from '../../src/domain/apply-transition.ts';
import { stopAll } from '../../src/domain/removal-transitions.ts';
import type { Run } from '../helpers/processes.ts';
import { runEntry } from '../helpers/processes.ts';
import { until } from '../helpers/waiting.ts';
import { testRedisUrl } from '../helpers/redis.ts';
import type { Service } from '../helpers/service.ts';
import { deliveriesOf, startService, testCredentials } from '../helpers/service.ts';
import type { Receiver } from './receiver.ts';
import { startReceiver } from './receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 'crash').toString('base64')}`;
const LOOPBACK = { secrets: [SECRET], http: true, privateAddresses: ['127.0.0.1'] };

let service: Service;
let receiver: Receiver;
const workers: Run[] = [];

afterEach(async () => {
  for (const worker of workers.splice(0)) {
    worker.kill('SIGKILL');
    await worker.ended;
  }
  await receiver.close();
  await service.stop();
});

function startWorker(): Run {
  const { accessKeyId, secretAccessKey } = testCredentials();
  const worker = runEntry(PROJECT_DIR, 'src/bin/worker.ts', {
    REDIS_URL: testRedisUrl(),
    QUEUE_PREFIX: service.prefix,
    AWS_ENDPOINT_URL: service.simulator.url,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
    AUTH: 'none',
    SWEEP_SECONDS: '0.5',
    WEBHOOK_SECRETS: SECRET,
    WEBHOOK_HTTP: '1',
    WEBHOOK_PRIVATE_ADDRESSES: '127.0.0.1',
  });
  workers.push(worker);
  return worker;
}

test('a worker killed between sending and writing it down: the same message comes again under the same id', async () => {
  // The first is left without an answer until its worker is dead.
  receiver = await startReceiver((before) => (before < 2 ? null : { status: 200 }));
  service = await startService({ workers: 0, webhooks: LOOPBACK });
  const { id } = await service.copy({
    destinations: [{ region: 'eu-west-1' }],
    notify: { url: receiver.url },
  });
  await service.store.update(id, onCopy(stopAll('cancel')));
  const first = startWorker();
  await until(() => receiver.received.length === 2);
  first.kill('SIGKILL');
  await first.ended;
  const before = await deliveriesOf(service, id);
  expect(before.map(({ state, attempts }) => [state, attempts.length])).toEqual([
    ['pending', 0],
    ['pending', 0],
  ]);

  startWorker();
  await until(async () => (await deliveriesOf(service, id)).every(({ state }) => state === 'delivered'));
  const sent = receiver.received.map(({ headers, body }) => `${String(headers['webhook-id'])} ${body}`);
  expect(sent).toHaveLength(4);
  expect(sent.slice(2).toSorted()).toEqual(sent.slice(0, 2).toSorted());
});
