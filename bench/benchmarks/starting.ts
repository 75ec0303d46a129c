import type { Bench, Benchmark, Finding } from '../benchmark.ts';
import { bar, cell } from '../figures.ts';
import { launch, serviceEnv, startEc2, startRedis } from '../harness/parts.ts';
import { alternate, ratios, spread } from '../statistics.ts';

/** A process that is started, and what must answer 200 for it to count as there. */
interface Start {
  label: string;
  script: string;
  portVariable: 'PORT' | 'WORKER_HEALTH_PORT';
  path: string;
  /** Nothing that an earlier start has compiled is used. */
  cold?: true;
}

const bare = (label: string, floor: string): Start => ({
  label,
  script: `bench/floors/${floor}.ts`,
  portVariable: 'PORT',
  path: '/health/live',
});
const api = { label: 'amiferry API, alive', script: 'src/bin/api.ts', portVariable: 'PORT' } as const;

const STARTS = {
  node: bare('Node alone', 'node'),
  fastify: bare('Fastify with Swagger', 'fastify-swagger'),
  alive: { ...api, path: '/health/live' },
  ready: { ...api, label: 'amiferry API, ready', path: '/health/ready' },
  import: bare('importing client-ec2', 'import-ec2'),
  bullmq: bare('BullMQ worker', 'bullmq-worker'),
  worker: {
    label: 'amiferry worker, ready',
    script: 'src/bin/worker.ts',
    portVariable: 'WORKER_HEALTH_PORT',
    path: '/health/ready',
  },
  coldFastify: { ...bare('Fastify with Swagger, first start', 'fastify-swagger'), cold: true },
  coldAlive: { ...api, label: 'amiferry API, alive, first start', path: '/health/live', cold: true },
} as const satisfies Record<string, Start>;

type Name = keyof typeof STARTS;

export const starting: Benchmark = {
  name: 'starting',
  title: 'Starting',
  question:
    'How long the API and the worker take from the start of their process until they are ready, held against Node alone, bare Fastify with a Swagger page, a bare BullMQ worker, and a process that does nothing but import the EC2 SDK.',
  measure,
};

async function measure(bench: Bench): Promise<Finding> {
  const redisUrl = await startRedis(bench);
  const ec2 = await startEc2(bench);
  const env = serviceEnv(redisUrl, ec2);
  const once = (start: Start) => async () => {
    const disabled = start.cold === true ? { NODE_DISABLE_COMPILE_CACHE: '1' } : {};
    const server = await launch(bench, 'started', start.script, { ...env, ...disabled }, start.portVariable);
    const milliseconds = await server.readyAfter(server.url + start.path);
    await server.stop();
    return milliseconds;
  };
  const sides = Object.fromEntries(
    Object.entries(STARTS).map(([name, start]) => [name, once(start)]),
  ) as Record<Name, () => Promise<number>>;
  bench.say("each once, for the disk's caches and for Node's of what it has compiled");
  await alternate(1, sides);
  bench.say('each in turn');
  return finding(await alternate(bench.mode === 'quick' ? 1 : 7, sides));
}

const isCold = (name: Name) => 'cold' in STARTS[name];

function finding(times: Record<Name, number[]>): Finding {
  const names = Object.keys(STARTS) as Name[];
  const ready = ratios(times.ready, times.fastify);
  const alive = ratios(times.alive, times.fastify);
  const base = (name: Name) => (isCold(name) ? times.coldFastify : times.fastify);
  return {
    tables: [
      {
        title: 'Milliseconds from the start of the process: median (least–greatest run)',
        columns: ['', 'ms', 'of Fastify with Swagger'],
        rows: names.map((name) => [
          STARTS[name].label,
          cell(spread(times[name])),
          cell(ratios(times[name], base(name))),
        ]),
      },
    ],
    plots: [
      {
        name: 'starting',
        title: 'From the start of the process until it is ready',
        unit: 'ms',
        bars: names.map((name) => {
          const { label } = STARTS[name];
          return bar(label, label.startsWith('amiferry') ? 'ours' : 'other', spread(times[name]));
        }),
      },
    ],
    goals: [
      {
        what: 'API alive, of bare Fastify with Swagger',
        aim: 'at most 1.5',
        measured: cell(alive),
        met: alive.median <= 1.5,
      },
      {
        what: 'API ready (EC2 credentials tried), of bare Fastify with Swagger',
        aim: 'at most 1.5',
        measured: cell(ready),
        met: ready.median <= 1.5,
      },
    ],
    method: [
      `Each is started afresh, in turn, and asked every few milliseconds until it answers 200. The API is alive when it takes requests (/health/live), and ready when Redis, its settings and the EC2 credentials have been tried (/health/ready): for that the API imports the SDKs of EC2 and STS. The worker is ready when it takes steps off the queue. Every process runs TypeScript as it is, by Node's type stripping.`,
      `Whatever is started through src/bin/require-node.js keeps what Node has compiled for the next start (node_modules/.cache), the floors here too. A first start has nothing to take from: those rows are started with NODE_DISABLE_COMPILE_CACHE=1, and held against each other.`,
      `What binds is modules: each is found, read and linked anew, compiled or not. Being ready takes the SDKs of EC2 and STS; the import of EC2's alone is a row above. Tried on 2026-11-25, against the same floor in the same run, and not taken: a small client for the one call that tries the credentials, made out of another SDK client's insides (ready 1.55 in place of 2.48); and builders of schemas of our own in place of TypeBox's 370 modules (with it alive 1.12, ready 1.21). Both would be ours to keep in step with packages that are kept well by others.`,
    ],
  };
}
