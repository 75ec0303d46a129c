import { OWN } from '../helpers/account.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { RedisClient } from '../../src/redis-client.ts';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { freePort } from '../helpers/free-port.ts';
import type { PrivateRedis } from '../../tools/dev/private-redis.ts';
import { startPrivateRedis } from '../../tools/dev/private-redis.ts';
import type { CopyJob } from '../../src/domain/job.ts';
import type { Transition } from '../../src/domain/apply-transition.ts';
import * as transitions from '../helpers/transitions.ts';
import type { AppDeps } from '../../src/http/deps.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import { closeRedis, connectRedis, untilReady } from '../../src/queue/connections.ts';
import { storeKeys } from '../../src/store/keys.ts';
import { copyJob } from '../helpers/copy-job.ts';
import { PATIENCE, until } from '../helpers/waiting.ts';
import type { Api } from './api.ts';
import { startApi } from './api.ts';
import type { SeenEvent } from './event-client.ts';
import { EventClient } from './event-client.ts';

/** A Redis of its own: it is killed, and its clients are counted. */
let dir: string;
let port: number;
let server: PrivateRedis;
let redis: RedisClient;
let api: Api;
const clients: EventClient[] = [];

const startRedis = async () => {
  server = await startPrivateRedis({ dir, port, appendonly: true });
  redis = connectRedis(server.url, 'blocking', () => {});
  await untilReady(redis, PATIENCE);
  // What is acknowledged is on the disk, and so a kill loses nothing.
  await redis.config('SET', 'appendfsync', 'always');
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'amiferry-events-'));
  port = await freePort();
  await startRedis();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await api.stop();
});
afterAll(async () => {
  await closeRedis(redis);
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

const LIMITS = { total: 2000, perCaller: 2000, heartbeatMs: 15_000, maxAgeMs: 3_600_000 };

/** The API on a port, without a worker: the tests themselves change the jobs. */
async function start(limits: Partial<AppDeps['streams']> = {}): Promise<void> {
  api = await startApi({ workers: 0, redisUrl: server.url }, { streams: { ...LIMITS, ...limits } });
  await api.app.listen({ port: 0, host: '127.0.0.1' });
}

const address = () => (api.app.server.address() as AddressInfo).port;

function follow(path: string, lastEventId?: string, hear?: (event: SeenEvent) => void): EventClient {
  const client = new EventClient(`http://127.0.0.1:${address()}${path}`, lastEventId, hear);
  clients.push(client);
  return client;
}

async function newJob(regions?: string[]): Promise<CopyJob> {
  const job = copyJob({}, regions);
  await api.service.store.create(job);
  return job;
}

const transition = (id: string, one: Transition) => api.service.store.update(id, transitions.onCopy(one));
const cancel = (id: string) => transition(id, transitions.stopAll('cancel'));
const logOf = async (id: string) =>
  (await api.service.eventLog.read({ jobId: id }, '0', 20_000)).map((one) => one.id);
const idsOf = (client: EventClient) => client.events.map(({ id }) => id);

/** Takes a destination to where EC2 copies, and then on by a percent at a time. */
async function begin(id: string, region: string): Promise<void> {
  await transition(id, transitions.begin(region));
  await transition(id, transitions.accept(region, 'ami-0123456789abcdef0'));
}
const progress = (id: string, region: string, percent: number) =>
  transition(
    id,
    transitions.observe(region, {
      least: percent,
      tagged: [],
      progress: percent,
      encrypted: null,
      kmsKeyId: null,
    }),
  );

test('what has happened, then what happens, then the end; and no use in coming back', async () => {
  await start();
  const { id } = await newJob(['eu-west-1']);
  await transition(id, transitions.begin('eu-west-1'));
  const client = follow(`/jobs/${id}/events`);
  await until(() => client.events.length === 2);
  await transition(id, transitions.accept('eu-west-1', 'ami-0123456789abcdef0'));
  await progress(id, 'eu-west-1', 40);
  await transition(
    id,
    transitions.fail('eu-west-1', {
      code: 'copy-failed',
      message: 'x',
      retryable: true,
      awsCode: null,
      awsRequestId: null,
    }),
  );
  await client.untilClosed();

  expect(client.status).toBe(200);
  expect(client.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  expect(client.headers['x-request-id']).toBeDefined();
  expect(client.text).toMatch(/^retry: \d+\n\n/);
  expect(client.events.map(({ type }) => type)).toEqual([
    'job.queued',
    'job.running',
    'destination.pending',
    'destination.progress',
    'destination.failed',
    'job.failed',
  ]);
  expect(idsOf(client)).toEqual(await logOf(id));
  expect(client.events[3]?.data).toEqual({
    type: 'destination.progress',
    at: expect.stringMatching(/^\d{4}-.*Z$/),
    jobId: id,
    requestedBy: 'tester',
    state: 'running',
    progress: 40,
    destination: {
      account: OWN,
      region: 'eu-west-1',
      state: 'pending',
      imageId: 'ami-0123456789abcdef0',
      progress: 40,
      etaSeconds: expect.any(Number),
      errorCode: null,
    },
  });
  const again = follow(`/jobs/${id}/events`, client.events.at(-1)?.id);
  await again.untilClosed();
  expect([again.status, again.text]).toEqual([204, '']);

  // A retry is a reason to come back.
  await transition(id, transitions.retryFailed);
  const retried = follow(`/jobs/${id}/events`, client.events.at(-1)?.id);
  await until(() => retried.events.length > 0);
  expect(retried.events.map(({ type }) => type)).toContain('job.queued');
  expect(retried.closed).toBe(false);
});

test('a finished job is told from its beginning, and the stream ends', async () => {
  await start();
  const { id } = await newJob();
  await cancel(id);
  const client = follow(`/jobs/${id}/events`);
  await client.untilClosed();
  expect(idsOf(client)).toEqual(await logOf(id));
  expect(client.events.at(-1)?.type).toBe('job.cancelled');
});

/** The same numbers in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

/** Lets a job's copies get on step by step for as long as it is `wanted`, then ends the job. Counts its steps. */
async function drive(
  id: string,
  regions: string[],
  wanted: (steps: number) => Promise<boolean>,
): Promise<void> {
  let steps = 0;
  for (const region of regions) await begin(id, region);
  for (let percent = 1; percent < 99; percent += 1) {
    for (const region of regions) {
      if (!(await wanted((steps += 1)))) return end(id, regions);
      await progress(id, region, percent);
    }
  }
  throw new Error('the job was over too soon');
}

async function end(id: string, regions: string[]): Promise<void> {
  await cancel(id);
  for (const region of regions) await transition(id, transitions.stopped(region));
}

/** So often a client is broken off. */
const BREAKS = 60;

test('broken off at any event and resumed, 60 times: each event once, in order', async () => {
  await start();
  const random = seeded(20_261_123);
  const regions = Array.from({ length: 30 }, (_, i) => `eu-west-${i + 1}`);
  const { id } = await newJob(regions);
  const seen: string[] = [];
  let breaks = 0;
  // Never far ahead of the reader, so that it meets both the log and the feed.
  const driving = drive(id, regions, async (steps) => {
    await until(() => seen.length > steps - 15);
    return breaks < BREAKS;
  });
  const types: string[] = [];
  while (types.at(-1) !== 'job.cancelled') {
    let left = breaks < BREAKS ? 1 + Math.floor(random() * 10) : Infinity;
    const client = follow(`/jobs/${id}/events`, seen.at(-1), (event) => {
      seen.push(event.id);
      types.push(event.type);
      left -= 1;
      if (left > 0) return;
      breaks += 1;
      client.close();
    });
    await client.untilClosed();
  }
  await driving;
  expect(breaks).toBe(BREAKS);
  expect(seen).toEqual(await logOf(id));
});

test('Redis killed and restarted under an open stream: it goes on without loss', async () => {
  await start();
  const { id } = await newJob();
  const client = follow(`/jobs/${id}/events`);
  const all = follow('/events');
  await until(() => client.events.length === 1 && all.text !== '');
  await begin(id, 'eu-west-1');
  await until(() => client.events.length === 3 && all.events.length === 2);

  process.kill(server.pid, 'SIGKILL');
  await server.ended;
  const turnedAway = await fetch(`http://127.0.0.1:${address()}/jobs/${id}/events`);
  expect([turnedAway.status, ((await turnedAway.json()) as Problem).code]).toEqual([
    503,
    'redis-unavailable',
  ]);
  await closeRedis(redis);
  await startRedis();
  // Some of this happens before the subscription is there again, some after.
  for (let percent = 1; percent < 60; percent += 1) {
    await until(async () => (await progress(id, 'eu-west-1', percent).catch(() => null)) !== null);
  }
  await end(id, ['eu-west-1', 'us-west-2']);
  await client.untilClosed();
  expect(idsOf(client)).toEqual(await logOf(id));
  await until(() => all.events.length === client.events.length - 1);
  expect(all.events.map(({ data }) => data)).toEqual(client.events.slice(1).map(({ data }) => data));
});

/** Bytes in use, after everything that nobody needs is thrown away. */
function memory(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test('what happens while only the subscription is broken off comes all the same', async () => {
  // No heartbeat within the patience of this test: it would read the log by itself.
  await start({ heartbeatMs: 60_000 });
  const { id } = await newJob();
  await begin(id, 'eu-west-1');
  const [client, all] = [follow(`/jobs/${id}/events`), follow('/events')];
  await until(() => client.events.length === 3 && all.text !== '');
  for (let percent = 1; percent <= 10; percent += 1) {
    await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await progress(id, 'eu-west-1', percent);
    await until(() => client.events.length === 3 + percent && all.events.length === percent);
  }
  expect(idsOf(client)).toEqual(await logOf(id));
});

/** As many as show that nothing grows by the client but its own stream; test/http/event-memory.test.ts opens a thousand. */
const COUNT = 200;

test('two hundred clients on one job: one subscription, and little memory', async ({ annotate }) => {
  await start();
  const { id } = await newJob();
  const before = memory();
  const listening = Array.from({ length: COUNT }, () => follow(`/jobs/${id}/events`));
  await until(() => listening.every(({ events }) => events.length === 1));
  const list = String(await redis.client('LIST'));
  expect(list.match(/ sub=[1-9]/g)).toHaveLength(1);
  expect(list.trim().split('\n').length).toBeLessThan(10);
  const perClient = (memory() - before) / COUNT / 1024;
  await annotate(
    `${perClient.toFixed(0)} KiB a stream, with the client's own side of it in the same process`,
  );
  expect(perClient).toBeLessThan(200);

  await cancel(id);
  await until(() => listening.every(({ closed }) => closed));
  const log = await logOf(id);
  for (const client of listening) expect(idsOf(client)).toEqual(log);
  expect(api.listeners()).toBe(0);
});

/** A client that asks, and then reads nothing. */
async function deaf(path: string) {
  const socket = connect(address(), '127.0.0.1');
  socket.on('error', () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await until(() => api.listeners() === 1);
  socket.pause();
  return socket;
}

test('one that never reads is dropped as soon as it is too far behind', async () => {
  await start();
  const { id } = await newJob();
  const socket = await deaf(`/jobs/${id}/events`);
  const [event] = await api.service.eventLog.read({ jobId: id }, '0', 1);
  const long = JSON.stringify({ ...event, requestedBy: 'x'.repeat(50_000) });
  const time = Date.now() + 1000;
  let sent = 0;
  // The kernel takes some megabytes for it before anything piles up here.
  await until(async () => {
    for (let i = 0; i < 20; i += 1) {
      await redis.publish(storeKeys(api.service.prefix).feed, `${time + (sent += 1)}-0 ${long}`);
    }
    return api.listeners() === 0;
  });
  expect(sent).toBeLessThan(2000);
  socket.destroy();
});

test('one that takes nothing from one heartbeat to the next is dropped, however little it has to take', async () => {
  await start({ heartbeatMs: 200 });
  const { id } = await newJob();
  const event = JSON.stringify({ type: 'job.running', at: 0, jobId: id, pad: 'x'.repeat(4000) });
  const pipeline = redis.pipeline();
  const log = storeKeys(api.service.prefix).log(id);
  // A log too long for the kernel: reading it stops where the client does, and nothing piles up.
  for (let i = 0; i < 9000; i += 1) pipeline.rpush(log, `${Date.now() + 1000}-${i} ${event}`);
  await pipeline.exec();
  const socket = await deaf(`/jobs/${id}/events`);
  await until(() => api.listeners() === 0);
  socket.destroy();
});

test('idle clients get signs of life, are bounded by caller and in all, and make room when they go', async () => {
  await start({ perCaller: 100, heartbeatMs: 100 });
  const idle = Array.from({ length: 100 }, () => follow('/events'));
  await Promise.all(idle.map((client) => client.untilOpen()));
  const refused = await api.get('/events');
  expect([refused.statusCode, refused.json<Problem>().code]).toEqual([429, 'too-many-streams']);
  await until(() => idle.every(({ text }) => text.includes('\n: ')));
  idle[0]?.close();
  await until(() => api.listeners() === 99);
  await follow('/events').untilOpen();
});

test('a stream ends when its time is over, and goes on where it was with the next', async () => {
  await start({ heartbeatMs: 50, maxAgeMs: 200 });
  const { id } = await newJob();
  const first = follow(`/jobs/${id}/events`);
  await first.untilClosed();
  expect(first.events.map(({ type }) => type)).toEqual(['job.queued']);
  await cancel(id);
  const next = follow(`/jobs/${id}/events`, first.events.at(-1)?.id);
  await next.untilClosed();
  expect([...idsOf(first), ...idsOf(next)]).toEqual(await logOf(id));
});

test('a process has its own bound', async () => {
  await start({ total: 1 });
  await follow('/events').untilOpen();
  const refused = await api.get('/events');
  expect([refused.statusCode, refused.json<Problem>().code]).toEqual([503, 'overloaded']);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
});

test('closing the server ends the streams', async () => {
  await start();
  const { id } = await newJob();
  const open = [follow('/events'), follow(`/jobs/${id}/events`)];
  await Promise.all(open.map((client) => client.untilOpen()));
  await api.app.close();
  await Promise.all(open.map((client) => client.untilClosed()));
  expect(api.listeners()).toBe(0);
});

test.each([
  ['older than the log', () => '1-1'],
  ['before any event', () => '0-0'],
  ['of another time', () => `${Date.now() + 3_600_000}-0`],
])('an id %s replays nothing, and says so', async (_name, lastEventId) => {
  await start();
  const { id } = await newJob();
  await begin(id, 'eu-west-1');
  const [log, client] = [await logOf(id), follow(`/jobs/${id}/events`, lastEventId())];
  await until(() => client.events.length === 1);
  expect(client.events).toEqual([
    { id: log.at(-1), type: 'resync', data: { type: 'resync', read: `/jobs/${id}` } },
  ]);
  await end(id, ['eu-west-1', 'us-west-2']);
  await client.untilClosed();
  expect(idsOf(client)).toEqual((await logOf(id)).slice(log.length - 1));
});

test('an id that is none is refused, an empty one is none at all', async () => {
  await start();
  const { id } = await newJob();
  for (const lastEventId of ['soon', '1', '1-', '1-1-1', '$', '9'.repeat(16) + '-0']) {
    const answer = await api.get(`/jobs/${id}/events`, { 'last-event-id': lastEventId });
    expect([answer.statusCode, answer.json<Problem>().code], lastEventId).toEqual([400, 'validation-failed']);
  }
  await cancel(id);
  const client = follow(`/jobs/${id}/events`, '');
  await client.untilClosed();
  expect(client.events).toHaveLength((await logOf(id)).length);
});

test('a job that is not there is 404', async () => {
  await start();
  const answer = await api.get('/jobs/019a0f2e-5d31-7c44-9f00-3b1c6a2f8e10/events');
  expect([answer.statusCode, answer.json<Problem>().code]).toEqual([404, 'job-not-found']);
});

test('GET /events tells of all jobs from now on, and goes on where it was broken off', async () => {
  await start();
  await newJob();
  const client = follow('/events');
  await client.untilOpen();
  const [one, other] = [await newJob(), await newJob()];
  await until(() => client.events.length === 2);
  expect(client.events.map(({ type, data }) => [type, data['jobId']])).toEqual([
    ['job.queued', one.id],
    ['job.queued', other.id],
  ]);
  client.close();
  await begin(one.id, 'eu-west-1');
  await begin(other.id, 'us-west-2');
  const resumed = follow('/events', client.events.at(-1)?.id);
  await until(() => resumed.events.length === 4);
  expect(resumed.events.map(({ type, data }) => [type, data['jobId']])).toEqual([
    ['job.running', one.id],
    ['destination.pending', one.id],
    ['job.running', other.id],
    ['destination.pending', other.id],
  ]);
  const stale = follow('/events', '1-1');
  await until(() => stale.events.length === 1);
  expect(stale.events[0]).toMatchObject({ type: 'resync', data: { read: '/jobs' } });
});
