import { readFileSync } from 'node:fs';
import { devNull } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../tools/dev/free-port.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { startPrivateRedis } from '../../tools/dev/private-redis.ts';
import type { Settings } from '../../simulator/index.ts';
import { SimulatorControl } from '../../test/helpers/simulator-control.ts';
import type { Bench } from '../benchmark.ts';
import type { Child } from './child.ts';
import { startChild } from './child.ts';

/** A process that serves something at an address. */
export interface Server extends Child {
  url: string;
}

export interface Ec2 extends Server {
  control: SimulatorControl;
}

const LIVE = '/health/live';

/** A Redis of its own with the append-only file on, as the service asks for. Its address. */
export async function startRedis({ dir, unwind }: Bench): Promise<string> {
  const redis = await startPrivateRedis({ dir: join(dir, 'redis'), appendonly: true });
  await unwind.add('redis', () => redis.stop());
  return redis.url;
}

/** A simulated EC2 in a process of its own. */
export async function startEc2(bench: Bench, settings: Partial<Settings> = {}): Promise<Ec2> {
  const port = await freePort();
  const env = { ...plainEnv(), SIMULATOR_PORT: String(port) };
  const child = await startChild(bench, { name: 'simulator', script: 'simulator/main.ts', env });
  const url = `http://127.0.0.1:${port}`;
  await child.readyAfter(`${url}/_simulator/health`);
  const control = new SimulatorControl(url);
  await control.settings(settings);
  return { ...child, url, control };
}

/** Where the service finds what it needs, with no limit on how often one caller may ask. */
export function serviceEnv(redisUrl: string, ec2: Ec2, settings: Record<string, string> = {}) {
  return {
    ...plainEnv(),
    REDIS_URL: redisUrl,
    AWS_ENDPOINT_URL: ec2.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'AKIASIM111111111111',
    AWS_SECRET_ACCESS_KEY: 'simulated',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    RATE_LIMIT: '0',
    EC2_CALL_SHARE: '1000',
    ...settings,
  };
}

/** The API, alive. */
export async function startApi(bench: Bench, env: NodeJS.ProcessEnv): Promise<Server> {
  const api = await launch(bench, 'api', 'src/bin/api.ts', env, 'PORT');
  await api.readyAfter(api.url + LIVE);
  return api;
}

/** A worker, ready. */
export async function startWorker(bench: Bench, env: NodeJS.ProcessEnv): Promise<Server> {
  const NODE_OPTIONS = `${workerFlags()} ${env['NODE_OPTIONS'] ?? ''}`;
  const worker = await launch(
    bench,
    'worker',
    'src/bin/worker.ts',
    { ...env, NODE_OPTIONS },
    'WORKER_HEALTH_PORT',
  );
  await worker.readyAfter(`${worker.url}/health/ready`);
  return worker;
}

/** What `npm run worker` tells Node, so that the same worker is measured. */
function workerFlags(): string {
  const { scripts } = JSON.parse(readFileSync(join(PROJECT_DIR, 'package.json'), 'utf8')) as {
    scripts: { worker: string };
  };
  return /node (.*?) ?--import/.exec(scripts.worker)?.[1] ?? '';
}

/** Something bare that the service is held against; it listens on PORT. */
export async function startFloor(bench: Bench, floor: string, env: NodeJS.ProcessEnv): Promise<Server> {
  const server = await launch(bench, floor, `bench/floors/${floor}.ts`, env, 'PORT');
  await server.readyAfter(server.url + LIVE);
  return server;
}

/** Starts a process on a free port, and does not wait for it. */
export async function launch(
  bench: Bench,
  name: string,
  script: string,
  env: NodeJS.ProcessEnv,
  portVariable: string,
): Promise<Server> {
  const port = await freePort();
  const child = await startChild(bench, { name, script, env: { ...env, [portVariable]: String(port) } });
  return { ...child, url: `http://127.0.0.1:${port}` };
}

/** This process's environment, without what is set for the service or for AWS. */
function plainEnv(): NodeJS.ProcessEnv {
  const { PATH, HOME, NODE_OPTIONS } = process.env;
  return { PATH, HOME, ...(NODE_OPTIONS === undefined ? {} : { NODE_OPTIONS }) };
}
