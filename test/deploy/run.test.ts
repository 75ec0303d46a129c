import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessOf } from '../../src/auth/settings.ts';
import { readConfig } from '../../src/config/config.ts';
import { freePort } from '../helpers/free-port.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { fencedBlocks } from '../docs/blocks.ts';
import { runCommand } from '../helpers/processes.ts';
import { until } from '../helpers/waiting.ts';
import type { RedisServer } from '../helpers/redis-servers.ts';
import { endServers, startRedisServer } from '../helpers/redis-servers.ts';
import { containerOf, manifest } from './manifests.ts';
import type { RenderedService } from './rendered-service.ts';
import { startRendered } from './rendered-service.ts';
import { parseModule } from './terraform.ts';

/** API and worker as they are deployed, on a real cluster of one node that has the users of deploy/terraform. */
const IMAGE = '/amis/ami-0a1b2c3d4e5f60001';
const COPIES = `${IMAGE}/copies?region=us-east-1`;
const SHARED = { accounts: ['222222222222'] };

let dir: string;
let server: RedisServer;
let admin: Redis;
let service: RenderedService;
let REDIS_URL: string;

const END = '===== end of command =====';

/** The commands of the runbook that ask Redis or the API, as they stand there. */
function commands(): string[] {
  const text = readFileSync(join(PROJECT_DIR, 'docs/operations.md'), 'utf8');
  const inBlocks = fencedBlocks(text).flatMap((block) => block.text.split('\n'));
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, '');
  const inText = [...prose.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code.replaceAll('\n', ' '));
  return [...inBlocks, ...inText].filter((line) => /^(?:redis [A-Z]|curl -)/.test(line));
}

/** Those that change nothing of the queue. */
const runbook = () => commands().filter((line) => !line.includes('SCAN'));

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'amiferry-users-'));
  const [port, busPort] = [await freePort(), await freePort()];
  const settings = {
    'cluster-enabled': 'yes',
    'cluster-port': String(busPort),
    'cluster-announce-ip': '127.0.0.1',
    'maxmemory-policy': 'noeviction',
  };
  server = await startRedisServer(dir, port, settings);
  admin = new Redis(port, '127.0.0.1');
  await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  await until(async () => String(await admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  const { locals } = await parseModule('deploy/terraform');
  const users = locals.find((one) => 'redis_users' in one)?.['redis_users'] as Record<string, string>;
  for (const [name, access] of Object.entries(users))
    await admin.call('ACL', 'SETUSER', name, '>secret', ...access.split(' '));
  REDIS_URL = `redis+cluster://service:secret@127.0.0.1:${server.port}`;
  service = await startRendered({ REDIS_URL }, ['amis:read', 'amis:copy', 'amis:share', 'amis:admin']);
});

afterAll(async () => {
  await service.stop();
  admin.disconnect();
  await endServers([server]);
  await rm(dir, { recursive: true, force: true });
});

/** A request of the API with the key that the policy knows. */
function ask(method: string, path: string, body?: object, more = {}): Promise<Response | null> {
  const headers = { 'x-api-key': service.secret, 'content-type': 'application/json', ...more };
  return service.ask('amiferry-api', path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
}

/** What anybody was refused by Redis so far. */
async function refused(): Promise<string[]> {
  const log = (await admin.call('ACL', 'LOG')) as unknown[][];
  await admin.call('ACL', 'LOG', 'RESET');
  return log.map((entry) => `${String(entry[3])} ${String(entry[7])} ${String(entry[9])}`);
}

test('listening everywhere as in the cluster, the API asks everybody for credentials', () => {
  const config = readConfig(service.settings);
  expect(config.host).toBe('0.0.0.0');
  const access = accessOf(config);
  expect(access.authenticate).not.toBeNull();
  expect(access.loopbackOnly).toBe(false);
});

test.each(['amiferry-api', 'amiferry-worker'] as const)('%s answers its probes', async (name) => {
  const { startupProbe, livenessProbe, readinessProbe } = containerOf(name);
  for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) {
    const answers = async () => (await service.ask(name, httpGet.path))?.status === 200;
    await until(answers);
  }
});

test('whom the policy names copies and shares, and whom it does not, not', async () => {
  const request = { destinations: [{ region: 'eu-west-1' }], permissions: SHARED };
  const copy = await ask('POST', COPIES, request, { 'idempotency-key': 'once' });
  const job = await service.untilFinished(copy);
  expect(job.state).toBe('succeeded');
  expect((await ask('POST', COPIES, { destinations: [{ region: 'us-east-1' }] }))?.status).toBe(403);
  expect((await service.ask('amiferry-api', COPIES))?.status).toBe(401);

  const change = await ask('PUT', `${IMAGE}/permissions?region=us-east-1`, SHARED);
  expect((await service.untilFinished(change)).state).toBe('succeeded');
  const paths = ['/jobs', `/jobs/${job.id}`, `/jobs/${job.id}/events`, '/audit', '/metrics'];
  for (const path of paths) expect((await ask('GET', path))?.status).toBe(200);
  for (const what of ['cancel', 'retry'])
    expect((await ask('POST', `/jobs/${job.id}/${what}`))?.status).toBe(409);
});

test('Prometheus is let in as the monitors have it', async () => {
  const [{ path, authorization }] = manifest('ServiceMonitor', 'amiferry-api').spec['endpoints'] as [
    { path: string; authorization: { type: string } },
  ];
  const headers = { authorization: `${authorization.type} ${service.secret}` };
  const api = await service.ask('amiferry-api', path, { headers });
  expect(await api?.text()).toContain('amiferry_redis_up 1');
  const [pods] = manifest('PodMonitor', 'amiferry-worker').spec['podMetricsEndpoints'] as [{ path: string }];
  const worker = await service.ask('amiferry-worker', pods.path);
  expect(await worker?.text()).toContain('amiferry_ec2_calls_total');
});

test("the runbook's commands are answered, as the service's own user and with a key that sees it all", async () => {
  const latest = await ask('GET', '/jobs?limit=1');
  const { jobs } = JSON.parse((await latest?.text()) ?? '{}') as { jobs: { id: string }[] };
  const lines = runbook();
  const script = [
    `API=${service.url} KEY=${service.secret} JOB=${jobs[0]?.id}`,
    'redis() { node --import ./src/bin/require-node.js src/bin/redis.ts "$@"; }',
    // In a line of its own: a command may end in a comment.
    ...lines.map((line) => `${line}\n[ $? = 0 ] || exit 1; echo '${END}'`),
  ];
  const run = runCommand(PROJECT_DIR, 'bash', ['-c', script.join('\n')], {
    REDIS_URL,
    QUEUE_PREFIX: '{amiferry}',
  });
  expect(await run.ended, run.output()).toBe(0);
  const answers = run.output().split(`${END}\n`).slice(0, -1);
  expect(answers).toHaveLength(lines.length);
  expect(lines.length).toBeGreaterThan(15);
  const answerTo = (part: string) => answers[lines.findIndex((line) => line.includes(part))] ?? '';
  expect(JSON.parse(answerTo('record'))).toMatchObject({ id: jobs[0]?.id });
  expect(answerTo('LRANGE')).toMatch(/^\d+-\d+ \{/m);
  expect(answerTo('EXISTS')).toMatch(/^[12]\n$/);
  expect(answerTo('tokens')).toMatch(/^\d/);
  expect(JSON.parse(answerTo('"$API/jobs/$JOB"'))).toMatchObject({ id: jobs[0]?.id });
  expect(JSON.parse(answerTo('/retry'))).toMatchObject({ code: 'nothing-to-retry' });
  expect(JSON.parse(answerTo('/cancel'))).toMatchObject({ code: 'job-finished' });
  expect(JSON.parse(answerTo('state=failed'))).toMatchObject({ jobs: expect.any(Array) });
});

test('asked to end, both end cleanly, and Redis has refused nothing that they did', async () => {
  expect(await service.end()).toEqual([0, 0]);
  expect(await refused()).toEqual([]);
});

test('with all workers stopped the queue can be thrown away as the runbook has it, and nothing else goes', async () => {
  const line = commands().find((one) => one.includes('SCAN'));
  await admin.rpush('{amiferry}:steps:wait', 'left');
  const kept = (await admin.keys('*')).filter((key) => !key.startsWith('{amiferry}:steps'));
  const script = `redis() { node --import ./src/bin/require-node.js src/bin/redis.ts "$@"; }\n${line}`;
  const run = runCommand(PROJECT_DIR, 'bash', ['-c', script], { REDIS_URL, QUEUE_PREFIX: '{amiferry}' });
  expect(await run.ended, run.output()).toBe(0);
  expect(Number(run.output())).toBeGreaterThan(0);
  expect((await admin.keys('*')).filter((key) => key.startsWith('{amiferry}:steps'))).toEqual([]);
  expect(kept.length).toBeGreaterThan(5);
  await admin.call('ACL', 'LOG', 'RESET');
});

test('the user of the service can do nothing to the server, nor to what is not its own', async () => {
  const redis = new Redis({ port: server.port, username: 'service', password: 'secret' });
  for (const command of [
    ['FLUSHALL'],
    ['CONFIG', 'GET', '*'],
    ['KEYS', '*'],
    ['GET', 'other'],
    ['SHUTDOWN'],
  ]) {
    const [name = '', ...args] = command;
    await expect(redis.call(name, ...args)).rejects.toThrow(/NOPERM/);
  }
  redis.disconnect();
  await admin.call('ACL', 'LOG', 'RESET');
});

/** As KEDA's scaler asks, cluster or not: github.com/kedacore/keda, pkg/scalers/redis_scaler.go. */
const COUNT = `local cmd = { list = 'llen', none = 'llen' }
    return redis.call(cmd[redis.call('type', KEYS[1]).ok], KEYS[1])`;

test('KEDA counts the waiting steps as its scaler does, and reads nothing', async () => {
  const triggers = manifest('ScaledObject', 'amiferry-worker').spec['triggers'] as {
    metadata: { listName: string };
  }[];
  const keda = new Redis({
    port: server.port,
    username: 'keda',
    password: 'secret',
    enableReadyCheck: false,
  });
  // What its client, go-redis, does to find its way in a cluster.
  for (const [name = '', ...args] of [['HELLO', '3'], ['PING'], ['CLUSTER', 'SLOTS'], ['COMMAND']])
    await keda.call(name, ...args);
  await keda.call('HELLO', '2');
  for (const { metadata } of triggers) {
    await admin.rpush(metadata.listName, 'a', 'b');
    expect(await keda.eval(COUNT, 1, metadata.listName)).toBe(2);
    await admin.del(metadata.listName);
    expect(await keda.eval(COUNT, 1, metadata.listName)).toBe(0);
    await expect(keda.lrange(metadata.listName, 0, -1)).rejects.toThrow(/NOPERM/);
    await expect(keda.eval("return redis.call('DEL', KEYS[1])", 1, metadata.listName)).rejects.toThrow(
      /can't run/,
    );
  }
  await expect(keda.hgetall('{amiferry}:job:x')).rejects.toThrow(/NOPERM/);
  await expect(keda.eval(COUNT, 1, '{amiferry}:job:x')).rejects.toThrow(/NOPERM/);
  keda.disconnect();
});
