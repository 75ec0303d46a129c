import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { STEPS_QUEUE } from '../../src/queue/jobs.ts';
import type { Bench, Benchmark, Finding } from '../benchmark.ts';
import { bar, cell } from '../figures.ts';
import { PREFIX, REGIONS, requestCopies, untilFinished } from '../harness/copies.ts';
import { loadCopies } from '../harness/load.ts';
import { serviceEnv, startApi, startEc2, startRedis, startWorker } from '../harness/parts.ts';
import { alternate, ratios, spread } from '../statistics.ts';

const CONNECTIONS = 50;
const BODY = { destinations: [{ region: 'eu-west-1' }] };

export const scaling: Benchmark = {
  name: 'scaling',
  title: 'More processes',
  question:
    'How many copies a second are accepted by one and by two API processes, and completed by one, two and four workers, all at one Redis.',
  measure,
};

async function measure(bench: Bench): Promise<Finding> {
  const quick = bench.mode === 'quick';
  const redisUrl = await startRedis(bench);
  const ec2 = await startEc2(bench, { copySeconds: 0, copySlots: 10_000 });
  const env = serviceEnv(redisUrl, ec2, { COPY_SLOTS: '10000', POLL_SECONDS: '0.2', LOG_LEVEL: 'warn' });
  const redis = new Redis(redisUrl);
  await bench.unwind.add('connection', async () => redis.disconnect());
  const apis = [await startApi(bench, env), await startApi(bench, env)];
  const urls = apis.map(({ url }) => url);

  const accept = (targets: string[]) => async () => {
    await redis.flushall();
    const connections = CONNECTIONS / targets.length;
    const loads = targets.map((url) =>
      loadCopies(url, { connections, seconds: quick ? 1 : 4, body: BODY, headers: {} }),
    );
    return (await Promise.all(loads)).reduce((sum, { perSecond }) => sum + perSecond, 0);
  };
  bench.say('accepting, with one and two API processes in turn');
  const acceptors = { one: accept(urls.slice(0, 1)), two: accept(urls) };
  await alternate(1, acceptors);
  const accepted = await alternate(quick ? 1 : 3, acceptors);

  const copies = quick ? 100 : 1000;
  const complete = (workers: number) => () =>
    completed(bench, { redis, env, api: urls[0] ?? '', copies, workers });
  bench.say(`completing ${copies} copies, with one, two and four workers in turn`);
  const completers = { one: complete(1), two: complete(2), four: complete(4) };
  return finding(accepted, await alternate(quick ? 1 : 2, completers), copies);
}

interface Run {
  redis: Redis;
  env: NodeJS.ProcessEnv;
  api: string;
  copies: number;
  workers: number;
}

/** Copies completed a second. The queue stands still until all workers are ready. */
async function completed(bench: Bench, { redis, env, api, copies, workers }: Run): Promise<number> {
  await redis.flushall();
  const queue = new Queue(STEPS_QUEUE, { connection: redis, prefix: PREFIX });
  await queue.pause();
  const ids = await requestCopies(api, copies, REGIONS);
  const running = await Promise.all(Array.from({ length: workers }, () => startWorker(bench, env)));
  const began = Date.now();
  await queue.resume();
  const jobs = await untilFinished(redis, ids, 120);
  await queue.close();
  await Promise.all(running.map((worker) => worker.stop()));
  const ended = Math.max(...jobs.map(({ finishedAt }) => finishedAt ?? Number.NaN));
  return (copies / (ended - began)) * 1000;
}

function finding(
  accepted: Record<'one' | 'two', number[]>,
  done: Record<'one' | 'two' | 'four', number[]>,
  copies: number,
): Finding {
  const rows: [string, number[], number[]][] = [
    ['accepted by 1 API process', accepted.one, accepted.one],
    ['accepted by 2 API processes', accepted.two, accepted.one],
    ['completed by 1 worker', done.one, done.one],
    ['completed by 2 workers', done.two, done.one],
    ['completed by 4 workers', done.four, done.one],
  ];
  return {
    tables: [
      {
        title: 'Copies a second: median (least–greatest run)',
        columns: ['', 'a second', 'of one process'],
        rows: rows.map(([label, values, one]) => [label, cell(spread(values)), cell(ratios(values, one))]),
      },
    ],
    plots: [
      {
        name: 'scaling',
        title: 'Copies a second',
        unit: 'a second',
        bars: rows.map(([label, values]) => bar(label, 'ours', spread(values))),
      },
    ],
    goals: [],
    method: [
      `Accepting: ${CONNECTIONS} connections in all, spread over the API processes, no worker. Completing: ${copies} copies over ${REGIONS.length} regions are accepted while the queue stands still; the time runs from when it is let go until the last job has succeeded. The simulated EC2 has every copy available at once, and is looked at five times a second, so that the service's own work is what is measured.`,
      `Redis, the simulated EC2 (one process, one core at most) and the load share this machine's cores with the processes that are counted: with two cores, more processes have nowhere to run. The figures show that they don't get in each other's way, not where scaling ends.`,
    ],
  };
}
