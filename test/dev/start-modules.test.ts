import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { freePort } from '../helpers/free-port.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { closeRedis, connectRedis } from '../../src/queue/connections.ts';
import type { Simulator } from '../../simulator/index.ts';
import { startSimulator } from '../../simulator/index.ts';
import { runEntry } from '../helpers/processes.ts';
import { until } from '../helpers/waiting.ts';
import { dropPrefix, testPrefix, testRedisUrl } from '../helpers/redis.ts';
import { testCredentials } from '../helpers/service.ts';

let dir: string;
let simulator: Simulator;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'amiferry-modules-'));
  simulator = await startSimulator();
});
afterEach(async () => {
  await simulator.close();
  await rm(dir, { recursive: true });
});

/** Which of our dependencies a process has loaded, in that order, once it answers at each of these paths, one after the other. */
async function loadedUntil(
  entry: 'src/bin/api.ts' | 'src/bin/worker.ts',
  paths: readonly string[],
): Promise<string[][]> {
  const [port, file, prefix] = [String(await freePort()), join(dir, 'modules'), testPrefix()];
  const { accessKeyId, secretAccessKey } = testCredentials();
  const run = runEntry(PROJECT_DIR, entry, {
    QUEUE_PREFIX: prefix,
    AWS_ENDPOINT_URL: simulator.url,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    PORT: port,
    WORKER_HEALTH_PORT: port,
    MODULES_FILE: file,
    NODE_OPTIONS: `--import=${join(PROJECT_DIR, 'test/helpers/record-modules.js')}`,
  });
  const loaded: string[][] = [];
  for (const path of paths) {
    const address = `http://127.0.0.1:${port}${path}`;
    const answers = async () => (await fetch(address).catch(() => null))?.ok === true;
    await until(answers);
    loaded.push(dependenciesIn(await readFile(file, 'utf8')));
  }
  run.kill('SIGTERM');
  await run.ended;
  const redis = connectRedis(testRedisUrl(), 'blocking', () => {});
  await dropPrefix(redis, prefix);
  await closeRedis(redis);
  return loaded;
}

function dependenciesIn(modules: string): string[] {
  const urls = modules.split('\n').filter((url) => url.includes('/node_modules/'));
  const names = urls.map((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? '');
  return [...new Set(names)].filter((name) => name in packageJson.dependencies);
}

/** OpenTelemetry's API, which does nothing by itself, comes with the Prometheus client. */
const BOTH = ['@opentelemetry/api', '@prometheus-io/client', 'ioredis', 'pino', 'typebox'];
const HTTP = [
  '@fastify/helmet',
  '@fastify/rate-limit',
  '@fastify/swagger',
  '@fastify/swagger-ui',
  '@fastify/under-pressure',
  'fastify',
  'fastify-plugin',
  'ipaddr.js',
];
/** Readiness tries the credentials, and asks which account they are of. */
const CREDENTIALS = ['@aws-sdk/client-ec2', '@aws-sdk/client-sts'];

/** What the API loads for the first requests, two seconds after it listens: on a slow machine that is before it is ready. */
const FOR_REQUESTS = new Set(['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler', 'bullmq']);

// The start is as long as this list: what is not in it is loaded by whoever first needs it.
test.each([
  [
    'src/bin/api.ts',
    { '/health/live': [...BOTH, ...HTTP], '/health/ready': [...BOTH, ...HTTP, ...CREDENTIALS] },
  ],
  ['src/bin/worker.ts', { '/health/ready': [...BOTH, 'bullmq', 'ipaddr.js'] }],
] as const)('%s loads no more than it needs to listen, and then to be ready', async (entry, expected) => {
  const loaded = await loadedUntil(entry, Object.keys(expected));
  const [first = []] = Object.values(expected);
  const needed = loaded.map((names) =>
    names.filter((name, i) => i < first.length || !FOR_REQUESTS.has(name)).toSorted(),
  );
  expect(needed).toEqual(Object.values(expected).map((names) => names.toSorted()));
});
