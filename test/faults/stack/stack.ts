import { freePort } from '../../helpers/free-port.ts';
import type { Unwind } from '../../../tools/dev/unwind.ts';
import { SimulatorControl } from '../../helpers/simulator-control.ts';
import { ec2Proxy } from '../wire/ec2-link.ts';
import { httpProxy } from '../wire/http-link.ts';
import { redisProxy } from '../wire/redis-link.ts';
import { Traffic } from '../wire/traffic.ts';
import { environment, QUICK } from './environment.ts';
import { KillableRedis } from './redis.ts';
import { Supervised } from './supervised.ts';

export interface StackOptions {
  /** The project's directory, or that of a copy of it with a bug put in. */
  dir: string;
  /** Where Redis keeps its data. */
  redisDir: string;
  workers: number;
  /** Settings of API and workers beside {@link QUICK}. */
  settings?: Record<string, string>;
  log(line: string): void;
  onCrash(how: string): void;
}

/** Redis, EC2, API and workers as processes of their own, and a proxy between any two. */
export interface Stack {
  redis: KillableRedis;
  simulatorUrl: string;
  control: SimulatorControl;
  api: Part;
  workers: Part[];
  /** The API through its proxy. */
  apiUrl: string;
  clients: ReturnType<typeof httpProxy>;
  traffic: Traffic;
  /** The process that a sighting names. */
  part(name: string): Part;
  /** Waits until all of them are ready. */
  ready(): Promise<void>;
}

export interface Part {
  process: Supervised;
  redis: ReturnType<typeof redisProxy>;
  ec2: ReturnType<typeof ec2Proxy>;
}

/** Starts everything; each part is added to `unwind` as soon as it is there. */
export async function startStack(options: StackOptions, unwind: Unwind): Promise<Stack> {
  const redis = await KillableRedis.start(options.redisDir);
  await unwind.add('redis', () => redis.stop());
  const simulatorPort = await freePort();
  const simulatorUrl = `http://127.0.0.1:${simulatorPort}`;
  const simulator = new Supervised({
    ...options,
    name: 'simulator',
    entry: 'simulator/main.ts',
    env: { ...process.env, SIMULATOR_PORT: String(simulatorPort), SIMULATOR_COPY_SECONDS: '0.4' },
    readyUrl: `${simulatorUrl}/_simulator/health`,
  });
  await start(simulator, unwind);
  await simulator.ready();

  const traffic = new Traffic();
  const makePart = partMaker(options, { redis: redis.port, ec2: simulatorPort, traffic }, unwind);
  const apiPort = await freePort();
  const clients = httpProxy(apiPort, traffic);
  const apiUrl = `http://127.0.0.1:${await clients.listen()}`;
  await unwind.add('proxy of the API', () => clients.close());
  const direct = `http://127.0.0.1:${apiPort}`;
  const api = await makePart('api', `${direct}/health/ready`, { PORT: String(apiPort) });
  const workers: Part[] = [];
  for (let i = 1; i <= options.workers; i += 1) {
    const port = await freePort();
    const health = `http://127.0.0.1:${port}/health/ready`;
    workers.push(await makePart(`worker-${i}`, health, { WORKER_HEALTH_PORT: String(port) }));
  }
  const parts = [api, ...workers];
  const ready = async () => void (await Promise.all(parts.map((part) => part.process.ready())));
  await ready();
  return {
    redis,
    simulatorUrl,
    control: new SimulatorControl(simulatorUrl),
    api,
    workers,
    apiUrl,
    clients,
    traffic,
    part: (name) => {
      const found = parts.find((part) => part.process.name === name);
      if (found === undefined) throw new Error(`no process ${name}`);
      return found;
    },
    ready,
  };
}

interface Targets {
  redis: number;
  ec2: number;
  traffic: Traffic;
}

function partMaker(options: StackOptions, targets: Targets, unwind: Unwind) {
  return async (name: string, readyUrl: string, more: Record<string, string>): Promise<Part> => {
    const redis = redisProxy(name, targets.redis, targets.traffic);
    const ec2 = ec2Proxy(name, targets.ec2, targets.traffic);
    const ports = [await redis.listen(), await ec2.listen()] as const;
    await unwind.add(`proxies of ${name}`, () => Promise.all([redis.close(), ec2.close()]).then(() => {}));
    const settings = { ...QUICK, ...options.settings, ...more };
    const process = new Supervised({
      ...options,
      name,
      entry: name === 'api' ? 'src/bin/api.ts' : 'src/bin/worker.ts',
      env: environment(...ports, settings),
      readyUrl,
    });
    await start(process, unwind);
    return { process, redis, ec2 };
  };
}

async function start(process: Supervised, unwind: Unwind): Promise<void> {
  process.start();
  await unwind.add(process.name, () => process.stop());
}
