import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { OWN } from '../../test/helpers/account.ts';
import { storeKeys } from '../../src/store/keys.ts';
import type { Bench, Benchmark, Finding } from '../benchmark.ts';
import { figure } from '../figures.ts';
import {
  destination,
  eachOf,
  PREFIX,
  REGIONS,
  requestCopy,
  until,
  untilFinished,
} from '../harness/copies.ts';
import { cpuMs, redisCpuMs } from '../harness/cpu.ts';
import type { CallCounts } from '../harness/ledger.ts';
import type { Ec2, Server } from '../harness/parts.ts';
import { serviceEnv, startApi, startEc2, startRedis, startWorker } from '../harness/parts.ts';
import { clientCommands } from '../harness/redis-commands.ts';

export const lifetime: Benchmark = {
  name: 'lifetime',
  title: 'What a copy costs',
  question:
    'What a copy takes from its request until its job has succeeded, and while it is pending: CPU of the API, the worker and Redis, round trips to Redis, and what is left of it there. docs/scale.md calculates with it. One region a job is held against 17 regions a job.',
  measure,
};

interface Stage {
  redis: Redis;
  ec2: Ec2;
  api: Server;
  worker: Server;
}

/** Milliseconds of CPU. */
interface Cpu {
  api: number;
  worker: number;
  redis: number;
}

interface Cost {
  copies: number;
  jobs: number;
  cpu: Cpu;
  /** Bytes in Redis for a finished job, apart from what is kept by its number: audit and the events of all jobs. */
  bytes: number;
  /** Commands that API and worker send for a copy; scripts' own are not among them. */
  commands: number;
}

async function measure(bench: Bench): Promise<Finding> {
  const quick = bench.mode === 'quick';
  const redisUrl = await startRedis(bench);
  const ec2 = await startEc2(bench, { copySeconds: 0, copySlots: 100_000 });
  const env = serviceEnv(redisUrl, ec2, { COPY_SLOTS: '10000', POLL_SECONDS: '1', LOG_LEVEL: 'warn' });
  const redis = new Redis(redisUrl);
  await bench.unwind.add('connection', async () => redis.disconnect());
  const stage = { redis, ec2, api: await startApi(bench, env), worker: await startWorker(bench, env) };

  bench.say('warming up');
  await finish(stage, quick ? 34 : 340, 1);
  const copies = quick ? 170 : 1700;
  const costs: Cost[] = [];
  for (const regions of [1, REGIONS.length]) {
    bench.say(`${copies} copies, ${regions} a job`);
    costs.push(await costOf(stage, copies, regions));
  }
  const pending = quick ? 170 : 1020;
  bench.say(`${pending} copies pending`);
  return finding(costs, await whilePending(stage, pending, quick ? 3 : 30), pending);
}

/** Has so many copies made, so many regions a job. Resolves once all jobs have succeeded. */
async function finish(stage: Stage, copies: number, regions: number): Promise<number> {
  const ids = await request(stage, copies, regions);
  await untilFinished(stage.redis, ids, 300);
  return ids.length;
}

async function request({ api }: Stage, copies: number, regions: number): Promise<string[]> {
  const bodies = Array.from({ length: copies / regions }, (_, i) => ({
    destinations: Array.from({ length: regions }, (_, n) =>
      destination(REGIONS[(i + n) % REGIONS.length] ?? ''),
    ),
  }));
  return eachOf(bodies, 20, (body) => requestCopy(api.url, body));
}

async function costOf(stage: Stage, copies: number, regions: number): Promise<Cost> {
  const { redis } = stage;
  await redis.flushall();
  const [before, used] = [await cpuOf(stage), await bytesOfJobs(redis)];
  const jobs = await finish(stage, copies, regions);
  const cpu = difference(await cpuOf(stage), before);
  const bytes = ((await bytesOfJobs(redis)) - used) / jobs;
  // Apart: MONITOR would add to Redis' own time.
  const sample = REGIONS.length * 5;
  const sent = await clientCommands(redis, async () => void (await finish(stage, sample, regions)));
  return { copies, jobs, cpu, bytes, commands: total(sent) / sample };
}

/** CPU a second, and so for POLL_SECONDS, while so many copies are pending, EC2 tells of progress, and nothing ends. */
async function whilePending(stage: Stage, pending: number, seconds: number): Promise<Cpu> {
  const { redis, ec2 } = stage;
  await redis.flushall();
  await ec2.control.settings({ copySeconds: 240 });
  const idle = await each(stage, seconds);
  await request(stage, pending, 1);
  const keys = storeKeys(PREFIX);
  const scopes = REGIONS.map((region) => keys.pending({ account: OWN, region }));
  const count = async () =>
    (await Promise.all(scopes.map((key) => redis.hlen(key)))).reduce((a, b) => a + b, 0);
  await until(`${pending} copies pending`, 300, async () => (await count()) === pending);
  return difference(await each(stage, seconds), idle);
}

/** Milliseconds of CPU a second. */
async function each(stage: Stage, seconds: number): Promise<Cpu> {
  const before = await cpuOf(stage);
  await sleep(seconds * 1000);
  const { api, worker, redis } = difference(await cpuOf(stage), before);
  return { api: api / seconds, worker: worker / seconds, redis: redis / seconds };
}

const cpuOf = async ({ api, worker, redis }: Stage): Promise<Cpu> => ({
  api: cpuMs(api.pid),
  worker: cpuMs(worker.pid),
  redis: await redisCpuMs(redis),
});

const difference = (after: Cpu, before: Cpu): Cpu => ({
  api: after.api - before.api,
  worker: after.worker - before.worker,
  redis: after.redis - before.redis,
});

const total = (counts: CallCounts) => Object.values(counts).reduce((sum, n) => sum + n, 0);

/** What the jobs take, without the two streams that are cut off at a number of entries. */
async function bytesOfJobs(redis: Redis): Promise<number> {
  const { audit, allEvents } = storeKeys(PREFIX);
  const used = Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
  const streams = await Promise.all(
    [audit, allEvents].map((key) => redis.memory('USAGE', key, 'SAMPLES', 0)),
  );
  return used - streams.reduce<number>((sum, one) => sum + (one ?? 0), 0);
}

function finding(costs: Cost[], pending: Cpu, copies: number): Finding {
  const name = ({ copies: all, jobs }: Cost) =>
    all === jobs ? '1 region a job' : `${all / jobs} regions a job`;
  const cpu = (of: keyof Cpu) => costs.map((cost) => figure(cost.cpu[of] / cost.copies));
  return {
    tables: [
      {
        title: 'For each copy, from its request until it has succeeded',
        columns: ['', ...costs.map(name)],
        rows: [
          ['CPU of the API, ms', ...cpu('api')],
          ['CPU of the worker, ms', ...cpu('worker')],
          ['CPU of Redis, ms', ...cpu('redis')],
          ['commands to Redis', ...costs.map(({ commands }) => figure(commands))],
          [
            'left in Redis, KB',
            ...costs.map((cost) => figure((cost.bytes * cost.jobs) / cost.copies / 1000)),
          ],
        ],
      },
      {
        title: `While ${figure(copies)} copies are pending, for tracking 1,000 of them for POLL_SECONDS`,
        columns: ['', 'ms of CPU'],
        rows: [
          ['worker', figure((pending.worker / copies) * 1000)],
          ['Redis', figure((pending.redis / copies) * 1000)],
        ],
      },
    ],
    plots: [
      {
        name: 'lifetime',
        title: 'CPU for each copy, one region a job',
        unit: 'ms',
        bars: (['api', 'worker', 'redis'] as const).map((of) => ({
          label: { api: 'API', worker: 'worker', redis: 'Redis' }[of],
          value: (costs[0]?.cpu[of] ?? Number.NaN) / (costs[0]?.copies ?? 1),
          side: 'ours' as const,
        })),
      },
    ],
    goals: [],
    method: [
      `One API process and one worker each, on a Redis with its append-only file. ${costs[0]?.copies ?? 0} copies for each shape, 20 requests at a time; EC2 has every copy available at once. CPU time is that of the processes (/proc) and what Redis tells of itself, from before the first request until the last job has succeeded. Commands are counted with MONITOR over 85 copies more. Redis' memory is used_memory, without the audit and the stream of all events, which are cut off at a number of entries.`,
      `Pending: one region a job, spread over ${REGIONS.length} regions. POLL_SECONDS is 1 and they take 4 minutes, so that they are looked at as often in their time, and as much progress is found to write down, as with POLL_SECONDS 5 at copies of 20 minutes. What the same processes take with nothing to do is subtracted.`,
    ],
  };
}
