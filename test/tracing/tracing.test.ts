import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../helpers/free-port.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import type { Job } from '../../src/http/schemas/job.ts';
import { closeRedis, connectRedis } from '../../src/queue/connections.ts';
import type { Simulator } from '../../simulator/index.ts';
import { startSimulator } from '../../simulator/index.ts';
import { StepProducer } from '../../src/queue/producer.ts';
import type { ReceivedSpan } from '../helpers/collector.ts';
import { startCollector } from '../helpers/collector.ts';
import type { Run } from '../helpers/processes.ts';
import { runEntry } from '../helpers/processes.ts';
import { until } from '../helpers/waiting.ts';
import { dropPrefix, testPrefix, testRedisUrl } from '../helpers/redis.ts';
import { SimulatorControl } from '../helpers/simulator-control.ts';
import { loseWakeUps } from '../helpers/wake-ups.ts';
import { startReceiver } from '../webhooks/receiver.ts';

const SOURCE = 'ami-0a1b2c3d4e5f60001';
const ACCOUNT = '222222222222';
const REGIONS = ['eu-west-1', 'us-west-2'];
const SECRET = 'whsec_dGhpcy1pcy1hLXNlY3JldC1mb3ItdGVzdHMtb25seQ==';

const prefix = testPrefix();
const redis = connectRedis(testRedisUrl(), 'blocking', () => {});
let simulator: Simulator;
let runs: Run[];
let api: string;
let dir: string;

beforeEach(async () => {
  simulator = await startSimulator({ copySeconds: 0.5 });
  runs = [];
  dir = await mkdtemp(join(tmpdir(), 'amiferry-tracing-'));
});
afterEach(async () => {
  await Promise.all(runs.map(end));
  await rm(dir, { recursive: true });
  await simulator.close();
  await dropPrefix(redis, prefix);
});
afterAll(() => closeRedis(redis));

async function run(
  entry: 'src/bin/api.ts' | 'src/bin/worker.ts',
  env: Record<string, string | undefined>,
): Promise<Run> {
  const port = await freePort();
  const isApi = entry === 'src/bin/api.ts';
  const started = runEntry(PROJECT_DIR, entry, {
    QUEUE_PREFIX: prefix,
    POLL_SECONDS: '0.1',
    SWEEP_SECONDS: '0.2',
    AWS_ENDPOINT_URL: simulator.url,
    AWS_ACCESS_KEY_ID: 'AKIATESTTESTTEST',
    AWS_SECRET_ACCESS_KEY: 'test',
    ...(isApi ? { PORT: String(port) } : { WORKER_HEALTH_PORT: String(port) }),
    ...env,
  });
  runs.push(started);
  const base = `http://127.0.0.1:${port}`;
  if (isApi) api = base;
  await until(async () => (await fetch(`${base}/health/ready`).catch(() => null))?.ok === true);
  return started;
}

/** Ends it as a supervisor does, and gives its exit code. */
async function end(one: Run): Promise<number | null> {
  one.kill('SIGTERM');
  return one.ended;
}

async function ask(method: string, path: string, body: object): Promise<Job> {
  const headers = { 'content-type': 'application/json', 'x-request-id': 'request-of-the-test' };
  const answer = await fetch(`${api}${path}`, { method, headers, body: JSON.stringify(body) });
  expect(answer.status).toBe(202);
  return (await answer.json()) as Job;
}

async function untilDone(id: string): Promise<Job> {
  let job: Job | undefined;
  await until(async () => {
    job = (await (await fetch(`${api}/jobs/${id}`)).json()) as Job;
    return job.finishedAt !== null && job.deliveries.every(({ state }) => state === 'delivered');
  });
  if (job === undefined) throw new Error('there is no job');
  expect(job.state).toBe('succeeded');
  return job;
}

/** The trace of a request: all its spans, and how often each name is there. */
function traceOf(spans: ReceivedSpan[], requestSpan: string, nth = 0) {
  const root = spans.filter(({ name }) => name === requestSpan)[nth];
  const own = spans.filter(({ traceId }) => traceId === root?.traceId);
  const counts = Object.fromEntries(
    [...new Set(own.map(({ name }) => name))].map((name) => [
      name,
      own.filter((one) => one.name === name).length,
    ]),
  );
  return { root, own, counts };
}

const COPY = 'POST /amis/:imageId/copies';

test('everything from the POST to the last permission and webhook is one trace', async () => {
  const collector = await startCollector();
  const receiver = await startReceiver(() => ({ status: 200 }));
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=images',
    WEBHOOK_SECRETS: SECRET,
    WEBHOOK_HTTP: '1',
    WEBHOOK_PRIVATE_ADDRESSES: '127.0.0.1',
  };
  const copy = {
    destinations: REGIONS.map((region) => ({ region })),
    permissions: { accounts: [ACCOUNT] },
    notify: { url: receiver.url },
  };
  await run('src/bin/api.ts', { ...env, ...recording(join(dir, 'api')) });
  const path = `/amis/${SOURCE}/copies?region=us-east-1`;
  // With no worker yet the wake-ups are lost, and the sweeper is the one who wakes the first job.
  const lost = await ask('POST', path, copy);
  const producer = new StepProducer(redis, prefix);
  expect(await loseWakeUps({ producer })).toBe(1);
  await producer.close();
  await run('src/bin/worker.ts', { ...env, ...recording(join(dir, 'worker')) });
  await untilDone(lost.id);
  const direct = await untilDone((await ask('POST', path, copy)).id);
  const change = `/amis/${direct.destinations?.[0]?.imageId}/permissions?region=${REGIONS[0]}`;
  await untilDone((await ask('PUT', change, {})).id);
  expect(await Promise.all(runs.map(end))).toEqual([0, 0]);
  await Promise.all([collector.close(), receiver.close()]);

  for (const name of ['api', 'worker']) expect(await loadedTelemetry(join(dir, name))).toBe(true);
  const { spans } = collector;
  expect(collector.headers[0]?.['x-tenant']).toBe('images');
  for (const [nth, { id }] of [lost, direct].entries()) {
    const { root, own, counts } = traceOf(spans, COPY, nth);
    expect(root).toMatchObject({ kind: 2, parentId: '', service: 'amiferry-api' });
    expect(root?.attributes).toMatchObject({
      'http.route': '/amis/:imageId/copies',
      'url.path': `/amis/${SOURCE}/copies`,
      'http.response.status_code': 202,
      'amiferry.request.id': 'request-of-the-test',
    });
    expect(counts['EC2/CopyImage']).toBe(2);
    // A step may be woken twice; the second one finds nothing to do.
    for (const [step, times] of Object.entries({ 'start-copies': 1, 'finish-copy': 2, 'deliver-webhook': 3 }))
      expect(counts[step]).toBeGreaterThanOrEqual(times);
    expect(counts['EC2/ModifyImageAttribute']).toBe(2);
    expect(counts['EC2/DescribeImages']).toBeGreaterThan(0);
    // Each hangs on another one of the trace, and so in the end on the request.
    const ids = new Set(own.map(({ spanId }) => spanId));
    expect(own.filter((one) => one !== root && !ids.has(one.parentId))).toEqual([]);
    const steps = own.filter(({ name }) => name === 'start-copies' || name === 'finish-copy');
    expect(new Set(steps.map(({ attributes }) => attributes['amiferry.job.id']))).toEqual(new Set([id]));
    expect(new Set(steps.map(({ service }) => service))).toEqual(new Set(['amiferry-worker']));
  }

  const calls = traceOf(spans, COPY).own.filter(({ name }) => name === 'EC2/CopyImage');
  expect(new Set(calls.map(({ attributes }) => attributes['cloud.region']))).toEqual(new Set(REGIONS));
  for (const call of calls) {
    expect(call.kind).toBe(3);
    expect(call.attributes).toMatchObject({ 'rpc.service': 'EC2', 'rpc.method': 'CopyImage' });
    expect(call.attributes['aws.request_id']).toMatch(/^[0-9a-f-]{36}$/);
  }
  // Woken by a look at a region: of the job's trace, with a link to that look.
  const finish = traceOf(spans, COPY).own.filter(({ name }) => name === 'finish-copy');
  for (const { links } of finish) expect(links).toHaveLength(1);

  const put = traceOf(spans, 'PUT /amis/:imageId/permissions');
  expect(put.counts).toMatchObject({ 'apply-permissions': 1, 'EC2/ModifyImageAttribute': 1 });

  // Neither BullMQ's housekeeping nor those who watch.
  expect(
    spans
      .map(({ name }) => name)
      .filter((name) => /stalled|extendLocks|getNextJob|complete|health/.test(name)),
  ).toEqual([]);
  // Nothing of what callers and their accounts call their own.
  for (const text of [ACCOUNT, SECRET.slice(6), receiver.url, 'golden-web', 'region=us-east-1'])
    expect(JSON.stringify(spans)).not.toContain(text);
});

test("what fails has EC2's code and request id, or ours, and no message; a caller's own trace goes on", async () => {
  const collector = await startCollector();
  await run('src/bin/api.ts', { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SERVICE_NAME: 'images' });
  expect((await fetch(`${api}/amis/ami-0a1b2c3d4e5f6ffff`)).status).toBe(404);
  await new SimulatorControl(simulator.url).fault({ action: 'DescribeImages', times: 9, status: 500 });
  expect((await fetch(`${api}/amis/${SOURCE}`)).status).toBe(503);
  expect((await fetch(`${api}/a-secret-in-a-path`)).status).toBe(404);
  const trace = 'a'.repeat(32);
  await fetch(`${api}/jobs`, { headers: { traceparent: `00-${trace}-${'b'.repeat(16)}-01` } });
  await fetch(`${api}/jobs`, { headers: { traceparent: `00-${'c'.repeat(32)}-${'b'.repeat(16)}-00` } });
  await Promise.all(runs.map(end));
  await collector.close();
  const refused = traceOf(collector.spans, 'GET /amis/:imageId');
  const failed = traceOf(collector.spans, 'GET /amis/:imageId', 1);
  expect(refused.root).toMatchObject({
    status: 0,
    service: 'images',
    attributes: { 'error.type': 'image-not-found' },
  });
  expect(failed.root).toMatchObject({ status: 2, attributes: { 'error.type': 'ec2-unavailable' } });
  expect(collector.spans.find(({ name }) => name === 'GET')?.attributes).toMatchObject({ 'url.path': '' });
  const call = refused.own.find(({ name }) => name === 'EC2/DescribeImages');
  expect(call).toMatchObject({ status: 2, attributes: { 'error.type': 'InvalidAMIID.NotFound' } });
  expect(call?.attributes['aws.request_id']).toMatch(/^[0-9a-f-]{36}$/);
  expect(JSON.stringify(collector.spans)).not.toMatch(/exist|secret/);
  // The caller of the other one does not want it kept.
  const jobs = collector.spans.filter(({ name }) => name === 'GET /jobs');
  expect(jobs.map(({ traceId }) => traceId)).toEqual([trace]);
});

test('a collector that is down, or takes all and never answers, disturbs nothing', async () => {
  const silent = await startCollector({ silent: true });
  await run('src/bin/api.ts', { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` });
  await run('src/bin/worker.ts', { OTEL_EXPORTER_OTLP_ENDPOINT: silent.url });
  const { id } = await ask('POST', `/amis/${SOURCE}/copies`, { destinations: [{ region: 'eu-west-1' }] });
  await untilDone(id);
  expect(await Promise.all(runs.map(end))).toEqual([0, 0]);
  for (const one of runs)
    expect(one.output()).toMatch(/last spans could not be sent|spans could not be sent/);
  await silent.close();
});

/** Its API, which does nothing by itself, is loaded by the Prometheus client in any case. */
const OPEN_TELEMETRY =
  /node_modules\/(?:@opentelemetry\/(?!api\/)|@fastify\/otel|bullmq-otel)|src\/tracing\/otel/;

/** Has a process write down the modules that it loads. */
const recording = (file: string) => ({
  MODULES_FILE: file,
  NODE_OPTIONS: `--import=${join(PROJECT_DIR, 'test/helpers/record-modules.js')}`,
});

/** Whether OpenTelemetry is among the modules that a process has loaded. */
async function loadedTelemetry(file: string): Promise<boolean> {
  const modules = (await readFile(file, 'utf8')).split('\n');
  expect(modules.some((url) => url.includes('/node_modules/ioredis/'))).toBe(true);
  return modules.some((url) => OPEN_TELEMETRY.test(url));
}
