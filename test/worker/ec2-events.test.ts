import { OWN } from '../helpers/account.ts';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cancelJob } from '../../src/commands/cancel-job.ts';
import type { CopyJob } from '../../src/domain/job.ts';
import type { StepProducer } from '../../src/queue/producer.ts';
import { AwsEventsQueue } from '../../src/aws/sqs/aws-events-queue.ts';
import { Ec2Events } from '../../src/worker/ec2-events.ts';
import { amiEvent, EVENTS_QUEUE, QueueClient } from '../helpers/events-queue.ts';
import { untilPolled } from '../helpers/until-polled.ts';
import { logLines } from '../helpers/log-lines.ts';
import { whileInFlight } from '../helpers/meanwhile.ts';
import { PATIENCE, until } from '../helpers/waiting.ts';
import { testRedisUrl } from '../helpers/redis.ts';
import type { Service, ServiceOptions } from '../helpers/service.ts';
import { startService, testCredentials, TESTER } from '../helpers/service.ts';

/** Polling as good as never, so that whatever is noticed the events have told. */
const RARELY = 600_000;
const EU = 'eu-west-1';

let redis: Redis;
let service: Service;
let queue: QueueClient;

beforeAll(() => {
  redis = new Redis(testRedisUrl());
});
afterAll(() => redis.quit());
afterEach(async () => {
  queue.close();
  await service.stop();
});

/** A service that listens; copies end when a test says so. */
async function start(options: ServiceOptions = {}): Promise<void> {
  service = await startService({
    ...(options.events !== null && { events: {} }),
    ...options,
    simulator: { copySeconds: 3600, ...options.simulator },
    settings: { eventsPollMs: RARELY, lostCopyMs: RARELY, ...options.settings },
  });
  queue = new QueueClient(service.simulator.url);
}

const listening = () => until(() => service.events?.state === 'listening');

interface Pending {
  id: string;
  imageId: string;
}

/** Copies that EC2 works on, and that ticks leave alone from now on. */
async function pendingCopies(count: number, region = EU): Promise<Pending[]> {
  const jobs = await Promise.all(
    Array.from({ length: count }, () => service.copy({ destinations: [{ region }] })),
  );
  const copies: Pending[] = [];
  for (const { id } of jobs) {
    const { destinations } = await service.untilJob(id, (job) => job.destinations[0]?.imageId !== null);
    copies.push({ id, imageId: destinations[0]?.imageId ?? '' });
  }
  await untilPolled(service, region, RARELY / 2);
  return copies;
}

async function pendingCopy(region = EU): Promise<Pending> {
  const [copy] = await pendingCopies(1, region);
  if (copy === undefined) throw new Error('no copy');
  return copy;
}

/** Goes on until a copy has ended, without moving time on: what ends it is an event. */
async function endedByEvent(id: string): Promise<CopyJob> {
  await service.steps.untilNow(async () => (await service.store.get(id))?.finishedAt !== null);
  return service.untilFinished(id);
}

/** Goes on until a copy has ended, and fails if that takes until the next poll. */
async function endedBeforePoll(id: string): Promise<CopyJob> {
  const before = service.store.ahead;
  const job = await service.untilFinished(id);
  expect(service.store.ahead - before).toBeLessThan(RARELY / 2);
  return job;
}

const describes = async (region = EU) =>
  (await service.control.calls()).calls['DescribeImages']?.[region] ?? 0;
const deleted = () =>
  service.steps.untilNow(async () => Object.values(await queue.counts()).every((count) => count === 0));
const counted = async (outcome: string, region = '') => {
  const line = `amiferry_ec2_events_total{region="${region}",outcome="${outcome}"} `;
  const text = await service.metrics.text();
  return Number(
    text
      .split('\n')
      .find((one) => one.startsWith(line))
      ?.slice(line.length) ?? 0,
  );
};

describe("EC2's own events", () => {
  test('tell of a copy that has become available, which is then finished without a tick', async () => {
    await start();
    await listening();
    const { id } = await pendingCopy();
    await service.control.advanceSeconds(3600);
    const { destinations } = await endedByEvent(id);
    expect(destinations[0]?.state).toBe('succeeded');
    await deleted();
    expect(await counted('noticed', EU)).toBe(1);
  });

  test('tell of a copy that has failed, with the reasons that EC2 gives', async () => {
    await start();
    await listening();
    await service.control.fault({
      action: 'CopyImage',
      copyFails: { reason: 'internal error', snapshotReason: 'Given key ID is not accessible' },
    });
    const { id } = await pendingCopy();
    await service.control.advanceSeconds(3600);
    const { destinations } = await endedByEvent(id);
    expect(destinations[0]).toMatchObject({ state: 'failed', error: { code: 'copy-failed' } });
    expect(destinations[0]?.error?.message).toContain('Given key ID is not accessible');
  });

  test('tell of a copy that somebody deregisters or disables while it is under way', async () => {
    await start();
    await listening();
    const [gone, off] = [await pendingCopy('eu-west-1'), await pendingCopy('us-west-2')];
    await service.gateway.deregisterImage({ account: OWN, region: 'eu-west-1' }, gone.imageId);
    await service.control.setState(off.imageId, 'disabled');
    expect((await endedByEvent(off.id)).destinations[0]?.state).toBe('succeeded');
    // An image that is not there may be one that EC2 doesn't show yet: the tick decides, after LOST_COPY_SECONDS.
    await service.steps.untilNow(async () => (await counted('noticed', 'eu-west-1')) === 1);
    await service.steps.runDue();
    await service.control.setState(off.imageId, 'available');
    expect((await service.store.get(gone.id))?.finishedAt).toBeNull();
  });

  test('come twice, late, or for a copy that is cancelled, and do no harm', async () => {
    await start({ simulator: { eventDelivery: 'twice' } });
    await listening();
    const [first, second] = await pendingCopies(2);
    await cancelJob(service, second?.id ?? '', TESTER);
    await service.untilFinished(second?.id ?? '');
    await service.control.advanceSeconds(3600);
    await endedByEvent(first?.id ?? '');
    for (const one of [first, second]) await queue.send(amiEvent(one?.imageId ?? '', EU));
    await deleted();
    const jobs = await Promise.all([first, second].map((one) => service.store.get(one?.id ?? '')));
    expect(jobs.map((job) => job?.kind === 'copy' && job.destinations[0]?.state)).toEqual([
      'succeeded',
      'cancelled',
    ]);
    expect((await service.control.calls()).copyImage).toHaveLength(2);
  });

  test('come wrapped by SNS too', async () => {
    await start();
    await listening();
    const { id, imageId } = await pendingCopy();
    await service.control.settings({ eventDelivery: 'lost' });
    await service.control.advanceSeconds(3600);
    await queue.send(
      JSON.stringify({ Type: 'Notification', MessageId: 'm', Message: amiEvent(imageId, EU) }),
    );
    await endedByEvent(id);
    expect(await counted('noticed', EU)).toBe(1);
  });

  test('that are lost cost no more than the time until the next tick', async () => {
    await start({ simulator: { eventDelivery: 'lost' } });
    await listening();
    const { id } = await service.copy({ destinations: [{ region: EU }] });
    await service.untilJob(id, (job) => job.destinations[0]?.state === 'pending');
    await service.control.advanceSeconds(3600);
    await service.untilFinished(id);
    expect(await counted('noticed', EU)).toBe(0);
  });

  test('that come before CopyImage has answered cost no more than the look that a new copy gets anyhow', async () => {
    await start();
    await listening();
    whileInFlight(service, 'copyImage', async () => {
      await until(async () => (await counted('unrelated')) === 1);
      expect((await service.store.list({ limit: 1 })).jobs).toMatchObject([{ finishedAt: null }]);
    });
    const { id } = await service.copy({ destinations: [{ region: EU }], tags: { 'simulator:seconds': '0' } });
    expect((await endedBeforePoll(id)).destinations[0]?.state).toBe('succeeded');
  });

  test('are followed by another look, soon, where EC2 does not answer the first one', async () => {
    await start();
    await listening();
    const { id } = await pendingCopy();
    await service.control.fault({ action: 'DescribeImages', times: 2, error: 'RequestLimitExceeded' });
    await service.control.advanceSeconds(3600);
    await service.steps.untilNow(async () => (await counted('noticed', EU)) === 1);
    expect((await endedBeforePoll(id)).destinations[0]?.state).toBe('succeeded');
    expect((await service.control.calls()).errors['DescribeImages']).toEqual({ RequestLimitExceeded: 2 });
  });

  test('whose look was taken by a worker that died are made good by a look at all', async () => {
    await start({ simulator: { eventDelivery: 'lost' } });
    await listening();
    const { id, imageId } = await pendingCopy();
    await service.control.advanceSeconds(3600);
    const scope = { account: OWN, region: EU };
    const { poll } = await service.store.polls.keepEventHints(scope, [imageId]);
    expect(await service.store.polls.takeEventHints(scope)).toHaveLength(1);
    await service.producer.trackHinted(scope, poll);
    expect((await endedBeforePoll(id)).destinations[0]?.state).toBe('succeeded');
  });

  test('that come before EC2 shows what they tell make for one more look, soon', async () => {
    await start();
    await listening();
    const { id, imageId } = await pendingCopy();
    const before = await describes();
    await service.control.settings({ eventDelivery: 'lost' });
    await queue.send(amiEvent(imageId, EU));
    // It was looked at, and is pending still.
    await service.steps.untilNow(async () => (await describes()) > before);
    await service.control.advanceSeconds(3600);
    expect((await endedBeforePoll(id)).destinations[0]?.state).toBe('succeeded');
  });
});

/** Another listener, as in another worker; with one of its parts in another state than usual. */
function anotherListener(changes: Partial<Pick<Service, 'producer'>> = {}): Ec2Events {
  const { url } = service.simulator;
  const options = {
    requestTimeoutMs: PATIENCE,
    maxAttempts: 1,
    endpoint: url,
    credentialsOf: testCredentials,
  };
  const own = new AwsEventsQueue(EVENTS_QUEUE, 'us-east-1', options);
  const listener = new Ec2Events({ ...service, ...changes }, own);
  listener.start();
  return listener;
}

describe('listeners', () => {
  test('share a queue, any number of them: each event is taken once', async () => {
    await start();
    await listening();
    const others = [anotherListener(), anotherListener()];
    const copies = await pendingCopies(12);
    await service.control.advanceSeconds(3600);
    const taken = async () => (await counted('noticed', EU)) + (await counted('unrelated'));
    await service.steps.untilNow(async () => (await taken()) >= copies.length);
    for (const { id } of copies) await endedBeforePoll(id);
    await deleted();
    expect(await taken()).toBe(copies.length);
    await Promise.all(others.map((one) => one.stop()));
  });

  test('delete a message only once its look is queued: else it comes again', async () => {
    await start({ simulator: { eventDelivery: 'lost' } });
    await listening();
    const { id, imageId } = await pendingCopy();
    await service.events?.stop();
    let tries = 0;
    const away = async () => {
      tries += 1;
      throw new Error('Connection is closed.');
    };
    const producer: StepProducer = Object.assign(Object.create(service.producer), { trackHinted: away });
    const broken = anotherListener({ producer });
    await service.control.advanceSeconds(3600);
    await queue.send(amiEvent(imageId, EU));
    await until(() => tries > 0);
    await broken.stop();
    expect(await queue.counts()).toEqual({ visible: 0, hidden: 1 });

    const repaired = anotherListener();
    await service.control.advanceSeconds(31);
    await deleted();
    await repaired.stop();
    await endedBeforePoll(id);
  });

  test('let go of a long poll when they are stopped, and of its messages', async () => {
    await start();
    await listening();
    const received = async () => (await service.control.calls()).calls['ReceiveMessage']?.['us-east-1'] ?? 0;
    await until(async () => (await received()) >= 2);
    await service.events?.stop();
    await queue.send('for the next worker');
    expect(await queue.receive(1)).toEqual(['for the next worker']);
  });

  test('look at a region with a line as often as without events, so that a slot freed by a cancel is not left empty', async () => {
    await start({ settings: { copySlots: 1 } });
    await listening();
    const { id } = await pendingCopy();
    const next = await service.copy({ name: 'next', destinations: [{ region: EU }] });
    await service.untilJob(next.id, (job) => job.destinations[0]?.state === 'waiting');
    await service.control.settings({ eventDelivery: 'lost' });
    await cancelJob(service, id, TESTER);
    const before = service.store.ahead;
    const freed = await service.untilJob(next.id, (job) => job.destinations[0]?.imageId !== null);
    expect(freed.destinations[0]?.state).toBe('pending');
    expect(service.store.ahead - before).toBeLessThan(RARELY / 2);
  });
});

describe('whoever can put messages into the queue', () => {
  const STRANGE = [
    '',
    ' ',
    'hello',
    '{',
    'null',
    '"text"',
    '[1]',
    '{"Type":"Notification","Message":"{"}',
    '{"Type":"Notification","Message":{"a":1}}',
    `{"__proto__":{"source":"aws.ec2"}}`,
    amiEvent('ami-0a1b2c3d4e5f60001', EU, { source: 'my.app' }),
    amiEvent('ami-0a1b2c3d4e5f60001', EU, { 'detail-type': 'EC2 Instance State-change Notification' }),
    amiEvent('ami-0a1b2c3d4e5f60001', EU, { detail: null }),
    amiEvent('ami-0a1b2c3d4e5f60001', EU, { detail: { ImageId: ['ami-0a1b2c3d4e5f60001'] } }),
    amiEvent('ami-0a1b2c3d4e5f6000', EU),
    amiEvent('ami-0a1b2c3d4e5f60001', 'evil.com/#'),
    amiEvent('ami-0a1b2c3d4e5f60001', 'eu-west-1\n{"level":60}'),
  ].filter((body) => body !== '');

  test('gains nothing by strange ones: they are dropped, and no call, write or label comes of them', async () => {
    const { logger, lines } = logLines('info');
    await start({ logger });
    await listening();
    const before = await service.control.calls();
    for (const body of STRANGE) await queue.send(body);
    await service.steps.untilNow(async () => (await counted('unreadable')) === STRANGE.length);
    await deleted();
    const { calls } = await service.control.calls();
    expect(calls['DescribeImages']).toEqual(before.calls['DescribeImages']);
    expect(await redis.keys(`${service.prefix}:event-hints:*`)).toEqual([]);
    expect(lines.filter((line) => line.includes('ami-0a1b'))).toEqual([]);
  });

  test('gains nothing by events of images that are not copied, or are copied elsewhere', async () => {
    // Whatever is looked at would be looked at because of an event.
    await start({ settings: { pollMs: RARELY } });
    await listening();
    const { imageId } = await pendingCopy();
    const before = await describes();
    const others = [
      amiEvent('ami-0ffffffffffffffff', EU),
      amiEvent('ami-0a1b2c3d4e5f60001', 'us-east-1'),
      amiEvent(imageId, 'us-west-2'),
      amiEvent(imageId, 'xx-nowhere-9'),
    ];
    for (const body of others) await queue.send(body);
    await service.steps.untilNow(async () => (await counted('unrelated')) === others.length);
    await deleted();
    expect(await describes()).toBe(before);
    expect(await service.metrics.text()).not.toContain('xx-nowhere-9');
  });

  test('gains no more than a look a second in each region by a storm of events of one copy', async () => {
    await start();
    await listening();
    const { id, imageId } = await pendingCopy();
    const before = await describes();
    const began = service.store.now();
    for (let i = 0; i < 5; i += 1)
      await Promise.all(Array.from({ length: 20 }, () => queue.send(amiEvent(imageId, EU))));
    await service.steps.untilNow(async () => (await counted('noticed', EU)) === 100);
    await deleted();
    const looks = (await describes()) - before;
    const seconds = (service.store.now() - began) / 1000;
    // At most one for each turn (0.9 s), one more for the last events, and those of the tick that each may ask for.
    expect(looks).toBeLessThanOrEqual(2 * Math.ceil(seconds / 0.9) + 2);
    const job = await service.store.get(id);
    expect(job).toMatchObject({
      finishedAt: null,
      destinations: [{ state: 'pending', imageId, error: null }],
    });
  });

  test('a storm of true events makes few polls', async () => {
    await start();
    await listening();
    const copies = await pendingCopies(20);
    const before = await describes();
    await service.control.advanceSeconds(3600);
    await service.steps.untilNow(async () => (await counted('noticed', EU)) === copies.length);
    for (const { id } of copies) await endedBeforePoll(id);
    expect((await describes()) - before).toBeLessThan(copies.length / 2);
    expect(await redis.exists(`${service.prefix}:event-hints:${OWN}/${EU}`)).toBe(0);
  });
});

describe('where SQS does not answer', () => {
  const trouble = async (error: string, message: string, state: string, remedy: RegExp, status?: number) => {
    const { logger, lines } = logLines('info');
    await start({ logger, settings: { eventsPollMs: RARELY, pollMs: 50 }, events: {} });
    await listening();
    const { id } = await service.copy({ destinations: [{ region: EU }] });
    await service.untilJob(id, (job) => job.destinations[0]?.state === 'pending');
    await service.control.fault({
      action: 'ReceiveMessage',
      times: 1000,
      error,
      message,
      ...(status && { status }),
    });
    // Ends the long poll that is under way.
    await queue.send('anything');
    await until(() => service.events?.state === state);
    expect(await service.metrics.text()).toContain('amiferry_events_queue_up 0');
    const told = lines.filter((line) => line.includes('no events from EC2; copies are found by polling'));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(remedy);
    expect(told[0]).toContain(error);
    return { id, lines };
  };

  test.each([
    [
      'AccessDeniedException',
      'not authorized to perform: sqs:receivemessage',
      'denied',
      /sqs:ReceiveMessage/,
      403,
    ],
    ['ExpiredToken', 'The security token is expired', 'denied', /Check the service's credentials/, 403],
    ['QueueDoesNotExist', 'The specified queue does not exist.', 'missing', /EVENTS_QUEUE_URL/, 400],
    ['RequestThrottled', 'slow down', 'throttled', /tried again by itself/, 400],
    ['InternalError', 'oops', 'transient', /tried again by itself/, 500],
  ])('%s: it says so once, with the remedy, and new copies are found by polling', async (...row) => {
    await trouble(...row);
    const { id } = await service.copy({ destinations: [{ region: 'us-west-2' }] });
    await service.untilJob(id, (job) => job.destinations[0]?.state === 'pending');
    await service.control.advanceSeconds(3600);
    expect((await endedBeforePoll(id)).destinations[0]?.state).toBe('succeeded');
  });

  test('messages that may be received and not deleted are trouble until one has been deleted', async () => {
    const { logger, lines } = logLines('info');
    await start({ logger });
    await listening();
    await service.control.fault({
      action: 'DeleteMessageBatch',
      error: 'AccessDeniedException',
      status: 403,
    });
    const received = async () => (await service.control.calls()).calls['ReceiveMessage']?.['us-east-1'] ?? 0;
    await queue.send('one');
    await until(() => service.events?.state === 'denied');
    // The queue is empty, as long as the message is hidden.
    const before = await received();
    await until(async () => (await received()) >= before + 2);
    expect(service.events?.state).toBe('denied');
    expect(
      lines.filter((line) => line.includes('DeleteMessageBatch in us-east-1: AccessDenied')),
    ).toHaveLength(1);
    await service.control.advanceSeconds(31);
    await until(() => service.events?.state === 'listening');
    await deleted();
    expect(await counted('unreadable')).toBe(2);
  });

  test('it listens again by itself', async () => {
    const { lines } = await trouble('AccessDeniedException', 'no', 'denied', /sqs:ReceiveMessage/, 403);
    await service.control.clearFaults();
    await until(() => service.events?.state === 'listening');
    expect(await service.metrics.text()).toContain('amiferry_events_queue_up 1');
    expect(lines.some((line) => line.includes("listening for EC2's events"))).toBe(true);
  });
});
