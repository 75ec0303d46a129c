import { Redis } from 'ioredis';
import type { Bench, Benchmark, Finding } from '../benchmark.ts';
import { figure, megabytes } from '../figures.ts';
import { PREFIX, requestCopies, until } from '../harness/copies.ts';
import type { Server } from '../harness/parts.ts';
import { serviceEnv, startApi, startEc2, startFloor, startRedis, startWorker } from '../harness/parts.ts';
import { settledBytes } from '../harness/process-memory.ts';
import { SELF } from '../../src/domain/ami.ts';
import { storeKeys } from '../../src/store/keys.ts';
import { slope } from '../statistics.ts';

const REGION = 'eu-west-1';
const FLOORS = ['node', 'fastify-swagger', 'bullmq-worker', 'import-ec2'];

/** Bytes with so many copies pending. */
interface Level {
  pending: number;
  api: number;
  worker: number;
  redis: number;
}

export const memory: Benchmark = {
  name: 'memory',
  title: 'Memory',
  question:
    'How much memory the API and the worker take when they start, how much each pending copy adds, and what a job takes in Redis.',
  measure,
};

async function measure(bench: Bench): Promise<Finding> {
  const redisUrl = await startRedis(bench);
  const ec2 = await startEc2(bench, { copySeconds: 86_400, copySlots: 100_000 });
  const env = serviceEnv(redisUrl, ec2, { COPY_SLOTS: '10000', POLL_SECONDS: '1', LOG_LEVEL: 'warn' });
  const seconds = bench.mode === 'quick' ? 1 : 3;

  bench.say('processes as they start');
  const floors: Server[] = [];
  for (const floor of FLOORS) floors.push(await startFloor(bench, floor, env));
  const api = await startApi(bench, env);
  const worker = await startWorker(bench, env);
  const pids = [...floors, api, worker].map(({ pid }) => pid);
  const atStart = await settledBytes(pids, seconds);
  for (const floor of floors) await floor.stop();

  const redis = new Redis(redisUrl);
  await bench.unwind.add('connection', async () => redis.disconnect());
  const levels: Level[] = [];
  const steps = bench.mode === 'quick' ? [100, 300, 500] : [100, 1000, 2000, 3000, 4000];
  for (const pending of steps) {
    bench.say(`${pending} copies pending`);
    await fillUpTo(redis, api, pending);
    const [apiBytes = 0, workerBytes = 0] = await settledBytes([api.pid, worker.pid], seconds * 3);
    levels.push({ pending, api: apiBytes, worker: workerBytes, redis: await redisBytes(redis) });
  }
  return finding(atStart, levels);
}

/** Has more copies requested until so many are pending, none of which will end. */
async function fillUpTo(redis: Redis, api: Server, pending: number): Promise<void> {
  const key = storeKeys(PREFIX).pending({ account: SELF, region: REGION });
  await requestCopies(api.url, pending - (await redis.hlen(key)), [REGION]);
  await until(`${pending} copies pending`, 120, async () => (await redis.hlen(key)) === pending);
}

async function redisBytes(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
}

function finding(atStart: number[], levels: Level[]): Finding {
  const [first, last] = [levels[0], levels.at(-1)];
  // The first hundred warm everything up: the SDK is imported, code is compiled, pools are filled.
  const perCopy = (of: 'api' | 'worker' | 'redis') =>
    slope(levels.map((level) => [level.pending, level[of]] as const));
  const worker = perCopy('worker');
  const labels = [
    'Node alone',
    'Fastify with Swagger',
    'BullMQ worker',
    'importing client-ec2',
    'amiferry API',
    'amiferry worker',
  ];
  const mb = (bytes: number) => figure(megabytes(bytes));
  return {
    tables: [
      {
        title: 'Resident memory at start, MB',
        columns: ['process', 'MB'],
        rows: labels.map((label, i) => [label, mb(atStart[i] ?? Number.NaN)]),
      },
      {
        title: 'With copies pending, MB',
        columns: ['pending', 'API', 'worker', 'Redis'],
        rows: levels.map((level) => [
          figure(level.pending),
          ...[level.api, level.worker, level.redis].map(mb),
        ]),
      },
      {
        title: 'A pending copy adds, KB',
        columns: ['API', 'worker', 'Redis, for each job'],
        rows: [(['api', 'worker', 'redis'] as const).map((of) => figure(perCopy(of) / 1000))],
      },
    ],
    plots: [
      {
        name: 'memory',
        title: 'Resident memory at start',
        unit: 'MB',
        bars: labels.map((label, i) => ({
          label,
          value: megabytes(atStart[i] ?? 0),
          side: label.startsWith('amiferry') ? 'ours' : 'other',
        })),
      },
      {
        name: 'memory-pending',
        title: "The worker's resident memory with copies pending",
        unit: 'MB',
        bars: levels.map(({ pending, worker: bytes }) => ({
          label: `${figure(pending)} pending`,
          value: megabytes(bytes),
          side: 'ours',
        })),
      },
    ],
    goals: [
      {
        what: `worker memory for each pending copy, from ${figure(first?.pending ?? 0)} to ${figure(last?.pending ?? 0)}`,
        aim: 'at most 3 KB',
        measured: `${figure(worker / 1000)} KB`,
        met: worker <= 3000,
      },
    ],
    method: [
      `Real processes, their VmRSS from /proc, the median of samples taken five times a second. At start nobody has called anything, so the EC2 SDK is not imported. Copies then stay pending in one region, one job each, while the worker looks at them every second, five times as often as by default. What each adds is the slope by least squares over all levels; Redis' is its used_memory, with the job's record, events, indexes and stream entries.`,
    ],
  };
}
