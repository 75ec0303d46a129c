import { mkdirSync, writeFileSync } from 'node:fs';
import { devNull } from 'node:os';
import { join } from 'node:path';
import { connectRedis, untilReady } from '../../src/queue/connections.ts';
import { freePort } from './free-port.ts';
import { startPrivateRedis } from './private-redis.ts';
import { startService } from './service.ts';
import type { Service } from './service.ts';
import type { Unwind } from './unwind.ts';

export interface StackOptions {
  /** The directory of the private Redis' data. */
  dir: string;
  /** A Redis to use instead of a private one. */
  redisUrl: string | undefined;
  /** Settings for the API and the worker, in addition to the environment of this process. */
  settings: Record<string, string>;
  host: string;
  port: number;
  simulatorPort: number;
  onLine: (name: string, line: string) => void;
}

export interface Stack {
  apiUrl: string;
  simulatorUrl: string;
  redisUrl: string;
  pids: Record<string, number>;
  /** Resolves with a message if a part ends unexpectedly. */
  broken: Promise<string>;
}

/** The external id that the simulator's roles ask for: EXTERNAL_ID of simulator/sts/operations.ts. */
const EXTERNAL_ID = 'simulated-external-id';

/** The time limits for stopping the parts, milliseconds; ten seconds in total. */
const PATIENCE = { api: 4000, worker: 3000, simulator: 1500 };

/**
 * Starts Redis, the EC2 simulator, the worker and the API, and resolves once all are ready. Each part is added to `unwind` when it
 * is started, so that it is stopped even if a later one fails: the API first, Redis last.
 */
export async function startStack(options: StackOptions, unwind: Unwind): Promise<Stack> {
  const redis = await findRedis(options, unwind);
  const simulatorUrl = `http://127.0.0.1:${options.simulatorPort}`;
  const apiUrl = `http://${reachable(options.host)}:${options.port}`;
  const EVENTS_QUEUE_URL = `${simulatorUrl}/111111111111/amiferry-events`;
  const env = {
    ...simulatedAws(simulatorUrl),
    EVENTS_QUEUE_URL,
    ACCOUNTS_FILE: process.env['ACCOUNTS_FILE'] ?? writeAccounts(options.dir),
    ...options.settings,
    REDIS_URL: redis.url,
  };
  const workerPort = await freePort();

  const run = async (name: keyof typeof PATIENCE, readyUrl: string, more: Record<string, string>) => {
    const service = startService({
      name,
      entry: name === 'simulator' ? 'simulator/main.ts' : `src/bin/${name}.ts`,
      env: { ...env, ...more },
      readyUrl,
      onLine: options.onLine,
    });
    await unwind.add(name, () => service.stop(PATIENCE[name]));
    return service;
  };
  const simulator = await run('simulator', `${simulatorUrl}/_simulator/calls`, {
    SIMULATOR_PORT: String(options.simulatorPort),
  });
  await simulator.ready();
  const worker = await run('worker', `http://127.0.0.1:${workerPort}/health/ready`, {
    WORKER_HEALTH_PORT: String(workerPort),
  });
  const api = await run('api', `${apiUrl}/health/ready`, { HOST: options.host, PORT: String(options.port) });
  await Promise.all([worker.ready(), api.ready()]);

  const services = [simulator, worker, api];
  return {
    apiUrl,
    simulatorUrl,
    redisUrl: redis.url,
    pids: Object.fromEntries([
      ...services.map(({ name, pid }) => [name, pid]),
      ...redis.pid.map((pid) => ['redis', pid]),
    ]),
    broken: Promise.race([...services.map(endOf), ...redis.ended]),
  };
}

/** The path of an accounts file with the other accounts that the simulator has from the start. */
function writeAccounts(dir: string): string {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, 'accounts.json');
  const externalIdFile = join(dir, 'external-id');
  writeFileSync(externalIdFile, EXTERNAL_ID);
  const role = { name: 'amiferry-target', externalIdFile };
  const accounts = {
    '222222222222': { alias: 'staging' },
    '333333333333': { alias: 'prod', groups: ['prod'] },
  };
  writeFileSync(path, `${JSON.stringify({ role, accounts }, null, 2)}\n`);
  return path;
}

async function endOf(service: Service): Promise<string> {
  return `The ${service.name} ended unexpectedly (${await service.ended}).`;
}

async function findRedis({ redisUrl, dir }: StackOptions, unwind: Unwind) {
  if (redisUrl !== undefined) {
    await requireRedis(redisUrl);
    return { url: redisUrl, pid: [], ended: [] };
  }
  const redis = await startPrivateRedis({ dir, appendonly: true });
  await unwind.add('redis', () => redis.stop());
  return {
    url: redis.url,
    pid: [redis.pid],
    ended: [redis.ended.then((how) => `Redis ended unexpectedly (${how}).`)],
  };
}

/** @throws a one-line error if nothing answers at REDIS_URL, without the address, which may contain a password */
async function requireRedis(url: string): Promise<void> {
  let last = 'no answer';
  const redis = connectRedis(url, 'blocking', (error) => (last = error.message));
  try {
    await untilReady(redis, 5000);
  } catch {
    throw new Error(`No Redis answers at REDIS_URL: ${last}`);
  } finally {
    redis.disconnect();
  }
}

/** The environment of this process without anything that gives access to a real AWS account. */
function simulatedAws(endpoint: string): NodeJS.ProcessEnv {
  const { AWS_REGION = 'us-east-1' } = process.env;
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'));
  return {
    ...Object.fromEntries(others),
    AWS_REGION,
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: 'AKIASIM111111111111',
    AWS_SECRET_ACCESS_KEY: 'simulated',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
  };
}

/** The host to connect to, for an address to listen on. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
