import { Redis } from 'ioredis';
import type { Bench, Benchmark, Finding } from '../benchmark.ts';
import { bar, cell, figure } from '../figures.ts';
import { requestCopy } from '../harness/copies.ts';
import { cpuMs, redisCpuMs } from '../harness/cpu.ts';
import type { CallCounts } from '../harness/ledger.ts';
import { callsSince, countsOf, sum, told } from '../harness/ledger.ts';
import type { Loaded } from '../harness/load.ts';
import { loadCopies } from '../harness/load.ts';
import type { Ec2, Server } from '../harness/parts.ts';
import { serviceEnv, startApi, startEc2, startFloor, startRedis } from '../harness/parts.ts';
import { clientCommands } from '../harness/redis-commands.ts';
import { alternate, median, ratios, spread } from '../statistics.ts';

const CONNECTIONS = 50;
const SAMPLE = 50;
const BODY = { destinations: [{ region: 'eu-west-1' }] };
const KEYED = { 'idempotency-key': '[<id>]' };

export const accepting: Benchmark = {
  name: 'accepting',
  title: 'Accepting copies',
  question:
    'How many POST /amis/{id}/copies a second one API process accepts at 50 connections, held against the least that an accepted job could cost: a bare Fastify route that checks its body and puts one job into a queue in the same Redis.',
  measure,
};

async function measure(bench: Bench): Promise<Finding> {
  const redisUrl = await startRedis(bench);
  const ec2 = await startEc2(bench);
  const env = serviceEnv(redisUrl, ec2);
  const api = await startApi(bench, env);
  const floor = await startFloor(bench, 'accept', env);
  const redis = new Redis(redisUrl);
  await bench.unwind.add('connection', async () => redis.disconnect());

  const seconds = bench.mode === 'quick' ? 1 : 4;
  // Redis is emptied before each load, so that all meet the same one.
  const side = (server: Server, headers: Record<string, string>) => async (): Promise<Side> => {
    await redis.flushall();
    const before = await cpuOf(server, redis);
    const load = { connections: CONNECTIONS, seconds, body: BODY, headers };
    const loaded = await loadCopies(server.url, load);
    const after = await cpuOf(server, redis);
    const accepted = loaded.perSecond * seconds;
    return { ...loaded, cpu: after.map((ms, i) => ((ms - (before[i] ?? 0)) / accepted) * 1000) };
  };
  const sides = { amiferry: side(api, {}), floor: side(floor, {}), keyed: side(api, KEYED) };
  bench.say('what one request costs');
  for (let i = 0; i < SAMPLE; i += 1) await requestCopy(api.url, BODY);
  const cost = await costOfOne(redis, ec2, api.url);
  bench.say('warming up');
  await alternate(1, sides);
  bench.say(`loading each in turn, ${seconds} s at a time`);
  const runs = await alternate(bench.mode === 'quick' ? 2 : 5, sides);
  return finding(runs, cost);
}

/** `cpu`: microseconds for each request, of the process that accepts, of Redis and of the load, in this order. */
interface Side extends Loaded {
  cpu: number[];
}

/** Milliseconds so far. */
async function cpuOf(server: Server, redis: Redis): Promise<number[]> {
  return [cpuMs(server.pid), await redisCpuMs(redis), cpuMs(process.pid)];
}

interface Cost {
  redis: CallCounts;
  ec2: CallCounts;
}

/** What some accepted requests, one after the other, ask of Redis and of EC2. */
async function costOfOne(redis: Redis, { control }: Ec2, apiUrl: string): Promise<Cost> {
  const before = countsOf(await control.calls());
  const commands = await clientCommands(redis, async () => {
    for (let i = 0; i < SAMPLE; i += 1) await requestCopy(apiUrl, BODY);
  });
  return { redis: commands, ec2: callsSince(before, countsOf(await control.calls())) };
}

function finding(runs: Record<'amiferry' | 'floor' | 'keyed', Side[]>, cost: Cost): Finding {
  const speeds = (side: Side[]) => side.map(({ perSecond }) => perSecond);
  const ofFloor = ratios(speeds(runs.amiferry), speeds(runs.floor));
  const row = (label: string, side: Side[]) => [
    label,
    cell(spread(speeds(side))),
    cell(spread(side.map(({ p50 }) => p50))),
    cell(spread(side.map(({ p99 }) => p99))),
    cell(ratios(speeds(side), speeds(runs.floor))),
  ];
  const cpu = (side: Side[]) => [0, 1, 2].map((i) => median(side.map((one) => one.cpu[i] ?? Number.NaN)));
  const cpuRow = (label: string, side: Side[]) => [label, ...cpu(side).map(figure), figure(sum(cpu(side)))];
  const each = (counts: CallCounts) => Object.entries(counts).map(([name, n]) => [name, figure(n / SAMPLE)]);
  return {
    tables: [
      {
        title: 'Accepted at 50 connections: median (least–greatest run)',
        columns: ['', 'a second', 'p50, ms', 'p99, ms', 'of the floor'],
        rows: [
          row('amiferry', runs.amiferry),
          row('amiferry, with an Idempotency-Key', runs.keyed),
          row('floor: Fastify, TypeBox, one queue.add', runs.floor),
        ],
      },
      {
        title: 'What binds: CPU for each accepted request, µs',
        columns: ['', 'process that accepts', 'Redis', 'load', 'in all'],
        rows: [
          cpuRow('amiferry', runs.amiferry),
          cpuRow('amiferry, with an Idempotency-Key', runs.keyed),
          cpuRow('floor', runs.floor),
        ],
      },
      {
        title: 'What one accepted request sends to Redis and to EC2',
        columns: ['command or call', 'times'],
        rows: [...each(cost.redis), ...each(cost.ec2)],
      },
    ],
    plots: [
      {
        name: 'accepting',
        title: 'Copies accepted a second, 50 connections',
        unit: 'a second',
        bars: [
          bar('amiferry', 'ours', spread(speeds(runs.amiferry))),
          bar('amiferry, with a key', 'ours', spread(speeds(runs.keyed))),
          bar('floor', 'other', spread(speeds(runs.floor))),
        ],
      },
    ],
    goals: [
      {
        what: 'accepted a second, of the floor',
        aim: 'at least 0.8',
        measured: cell(ofFloor),
        met: ofFloor.median >= 0.8,
      },
    ],
    method: [
      `autocannon loads the real API process, the floor, and the API with a fresh Idempotency-Key each time, in turn. Redis (append-only file, fsync every second), the simulated EC2 and the load itself share the machine, which costs the service more than the floor. No worker runs. Ratios are taken round by round.`,
      `The process that accepts is one thread, and all three share this machine's cores: the CPU in all, over the cores, is the least time that a request can take. The service does for it what the floor leaves out: it authenticates the caller, checks policy and source, writes record, indexes, events and audit in one script, adds the wake-up to BullMQ behind it in the same round trip (the second EVALSHA), logs two lines, and answers with the whole job.`,
      `It also looks in each destination for an image of the same name, since EC2 may refuse the name: one DescribeImages for a name in a region, at most 50 at once and then 5 a second for each process; in between it uses the last answer, or leaves the check out. A request waits for that for a second at most.`,
      `What a request costs is counted over ${SAMPLE} requests, one after the other and before the load, with Redis' own MONITOR and the simulator's count of calls (${told(cost.ec2) || 'none'} for all of them). Commands that a script runs inside Redis cost no round trip and are not counted.`,
    ],
  };
}
