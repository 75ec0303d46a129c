import { OWN } from '../../test/helpers/account.ts';
import { Redis } from 'ioredis';
import type { Bench, Benchmark, Finding } from '../benchmark.ts';
import { figure, megabytes } from '../figures.ts';
import { PREFIX, requestCopies, until } from '../harness/copies.ts';
import type { Server } from '../harness/parts.ts';
import { serviceEnv, startApi, startEc2, startFloor, startRedis, startWorker } from '../harness/parts.ts';
import { heldBytes, settledBytes } from '../harness/process-memory.ts';
import { storeKeys } from '../../src/store/keys.ts';
import { INSPECTABLE } from '../../test/faults/stack/live-heap.ts';
import { slope } from '../statistics.ts';

const REGION = 'eu-west-1';
const FLOORS = ['node', 'fastify-swagger', 'bullmq-worker', 'import-ec2'];

/** What has so many bytes. `held` is what is left after a collection of all garbage. */
const PARTS = {
  apiResident: 'API, resident',
  apiHeld: 'API, held',
  workerResident: 'worker, resident',
  workerHeld: 'worker, held',
  redis: 'Redis',
} as const;
type Part = keyof typeof PARTS;
const EVERY_PART = Object.keys(PARTS) as Part[];

/** Bytes with so many copies pending. */
type Level = Record<Part, number> & { pending: number };

/** KB for each pending copy. */
const AIM_KB = 3;

export const memory: Benchmark = {
  name: 'memory',
  title: 'Memory',
  question:
    'How much memory the API and the worker take when they start, how much each pending copy adds, resident and held, and what a job takes in Redis.',
  measure,
};

async function measure(bench: Bench): Promise<Finding> {
  const redisUrl = await startRedis(bench);
  const ec2 = await startEc2(bench, { copySeconds: 86_400, copySlots: 100_000 });
  const env = serviceEnv(redisUrl, ec2, { COPY_SLOTS: '10000', POLL_SECONDS: '1', LOG_LEVEL: 'warn' });
  const redis = new Redis(redisUrl);
  await bench.unwind.add('connection', async () => redis.disconnect());
  const seconds = bench.mode === 'quick' ? 1 : 3;
  const steps = bench.mode === 'quick' ? [100, 400] : [100, 1000, 2000, 3000, 4000];

  bench.say('processes as they start');
  const atStart = await startingBytes(bench, env, seconds);
  // To collect garbage at one level would change what is resident at the next: the two are measured one after the other.
  const resident = await climb(bench, { redis, env, steps }, async (api, worker) => {
    const [apiResident = 0, workerResident = 0] = await settledBytes([api.pid, worker.pid], seconds * 3);
    return { apiResident, workerResident, redis: await redisBytes(redis) };
  });
  await redis.flushall();
  const inspected = { ...env, NODE_OPTIONS: INSPECTABLE };
  const held = await climb(bench, { redis, env: inspected, steps }, async (api, worker) => ({
    apiHeld: await heldBytes(api),
    workerHeld: await heldBytes(worker),
  }));
  const levels = steps.flatMap((pending, i) => {
    const [one, other] = [resident[i], held[i]];
    return one === undefined || other === undefined ? [] : [{ pending, ...one, ...other }];
  });
  return finding(atStart, levels);
}

async function startingBytes(bench: Bench, env: NodeJS.ProcessEnv, seconds: number): Promise<number[]> {
  const started: Server[] = [];
  for (const floor of FLOORS) started.push(await startFloor(bench, floor, env));
  started.push(await startApi(bench, env), await startWorker(bench, env));
  const bytes = await settledBytes(
    started.map(({ pid }) => pid),
    seconds,
  );
  for (const one of started) await one.stop();
  return bytes;
}

interface Climb {
  redis: Redis;
  env: NodeJS.ProcessEnv;
  steps: readonly number[];
}

/** One API and one worker, with more and more copies pending. What there was to see at each level. */
async function climb<T>(
  bench: Bench,
  { redis, env, steps }: Climb,
  look: (api: Server, worker: Server) => Promise<T>,
): Promise<T[]> {
  const api = await startApi(bench, env);
  const worker = await startWorker(bench, env);
  const seen: T[] = [];
  for (const pending of steps) {
    bench.say(`${pending} copies pending`);
    await fillUpTo(redis, api, pending);
    seen.push(await look(api, worker));
  }
  await Promise.all([api.stop(), worker.stop()]);
  return seen;
}

/** Has more copies requested until so many are pending, none of which will end. */
async function fillUpTo(redis: Redis, api: Server, pending: number): Promise<void> {
  const key = storeKeys(PREFIX).pending({ account: OWN, region: REGION });
  await requestCopies(api.url, pending - (await redis.hlen(key)), [REGION]);
  await until(`${pending} copies pending`, 120, async () => (await redis.hlen(key)) === pending);
}

async function redisBytes(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
}

function finding(atStart: number[], levels: Level[]): Finding {
  const range = `from ${figure(levels[0]?.pending ?? 0)} to ${figure(levels.at(-1)?.pending ?? 0)} pending`;
  // The first hundred warm everything up: the SDK is imported, code is compiled, pools are filled.
  const perCopyKB = (of: Part) => slope(levels.map((level) => [level.pending, level[of]] as const)) / 1000;
  const labels = [
    'Node alone',
    'Fastify with Swagger',
    'BullMQ worker',
    'importing client-ec2',
    'amiferry API',
    'amiferry worker',
  ];
  const mb = (bytes: number) => figure(megabytes(bytes));
  const goal = (what: string, of: Part) => ({
    what: `${what} for each pending copy, ${range}`,
    aim: `at most ${AIM_KB} KB`,
    measured: `${figure(perCopyKB(of))} KB`,
    met: perCopyKB(of) <= AIM_KB,
  });
  return {
    tables: [
      {
        title: 'Resident memory at start, MB',
        columns: ['process', 'MB'],
        rows: labels.map((label, i) => [label, mb(atStart[i] ?? Number.NaN)]),
      },
      {
        title: 'With copies pending, MB',
        columns: ['pending', ...EVERY_PART.map((of) => PARTS[of])],
        rows: levels.map((level) => [figure(level.pending), ...EVERY_PART.map((of) => mb(level[of]))]),
      },
      {
        title: 'A pending copy adds, KB',
        columns: EVERY_PART.map((of) => PARTS[of]),
        rows: [EVERY_PART.map((of) => figure(perCopyKB(of)))],
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
        title: "The worker's memory with copies pending: resident, and in grey what of it is held",
        unit: 'MB',
        bars: levels.flatMap(({ pending, workerResident, workerHeld }) => [
          { label: `${figure(pending)} pending`, value: megabytes(workerResident), side: 'ours' as const },
          { label: 'held', value: megabytes(workerHeld), side: 'other' as const },
        ]),
      },
    ],
    goals: [goal('worker memory held', 'workerHeld'), goal('worker memory resident', 'workerResident')],
    method: [
      `Real processes. Resident is their VmRSS from /proc, the median of samples taken five times a second. Held is what a process still refers to after its garbage was collected, JavaScript heap and buffers, by way of the inspector: the median of five collections. The two are measured in two runs through all levels, each with processes of its own, since a collection changes what is resident from then on. At start nobody has called anything, so the EC2 SDK is not imported.`,
      `Copies then stay pending in one region, one job each; POLL_SECONDS is 1, a fifth of its default. What each adds is the slope by least squares over all levels. Redis' is its used_memory, with the job's record, events, indexes and stream entries.`,
      `What is held tells what a pending copy takes. What is resident has garbage in it that V8 has not collected yet, most of it from requesting and starting the copies, which goes on here as fast as the API takes them. The worker runs as \`npm run worker\` starts it, with a bounded heap; the API as it comes: V8 lets its garbage lie the longer the more memory the machine has.`,
    ],
  };
}
