import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Bench, Benchmark, Finding } from '../benchmark.ts';
import { COMPUTED } from '../benchmark.ts';
import { figure } from '../figures.ts';
import { eachOf, REGIONS, requestCopies, until, untilFinished } from '../harness/copies.ts';
import type { Ec2, Server } from '../harness/parts.ts';
import { serviceEnv, startApi, startEc2, startRedis, startWorker } from '../harness/parts.ts';
import { sdkClients } from '../harness/sdk.ts';
import { percentile } from '../statistics.ts';
import { sdkWaiter, seeded } from '../waiter-model.ts';

/** So many copies pending at once in each of so many regions. */
interface Case {
  pending: number;
  regions: number;
}

interface Latencies {
  label: string;
  seconds: number[];
  side: 'ours' | 'other';
  computed?: boolean;
}

/** One alone has no percentiles: it is measured in 16 regions at once. */
const ALONE: Case = { pending: 1, regions: 16 };
const FULL = [ALONE, { pending: 100, regions: 1 }, { pending: 1000, regions: 1 }];
const QUICK = [ALONE, { pending: 100, regions: 1 }];
const TRIES = 10_000;

const POLLING = 'polling alone';
const EVENTS = "EC2's events";

export const noticing: Benchmark = {
  name: 'noticing',
  title: 'Noticing that a copy is available',
  question:
    "How long it takes from the moment when EC2 has a copy available until its job has succeeded, tags checked and all: by polling alone, and with EC2's own events from SQS; held against the SDK's own waitUntilImageAvailable.",
  measure,
};

async function measure(bench: Bench): Promise<Finding> {
  const quick = bench.mode === 'quick';
  const sides = { [POLLING]: await startSide(bench, 'polling'), [EVENTS]: await startSide(bench, 'events') };
  const lasts = quick ? between(3, 6) : between(10, 20);
  const found: Latencies[] = [];
  for (const one of quick ? QUICK : FULL) {
    bench.say(`${one.pending} pending in ${one.regions === 1 ? 'a region' : 'each region'}`);
    const both = Object.entries(sides).map(async ([how, parts]): Promise<Latencies> => ({
      label: `${how}, ${figure(one.pending)} pending`,
      seconds: await noticed(one, lasts, parts),
      side: 'ours',
    }));
    found.push(...(await Promise.all(both)));
  }
  if (!quick) {
    bench.say('waiters on 100 copies');
    const seconds = await waited(sides[POLLING].ec2, 100, lasts);
    found.push({ label: 'waiter, copies of 10–20 s', seconds, side: 'other' });
  }
  return finding(found, quick);
}

/** The service on a simulated EC2 of its own; with its events, they are heard once this has resolved. */
async function startSide(bench: Bench, side: 'polling' | 'events'): Promise<Parts> {
  const own = { ...bench, dir: join(bench.dir, side) };
  const redisUrl = await startRedis(own);
  const ec2 = await startEc2(own, { copySlots: 2000 });
  const listens = side === 'events' ? { EVENTS_QUEUE_URL: `${ec2.url}/111111111111/amiferry-events` } : {};
  const env = serviceEnv(redisUrl, ec2, { COPY_SLOTS: '2000', ...listens });
  const api = await startApi(own, env);
  const worker = await startWorker(own, env);
  const redis = new Redis(redisUrl);
  await bench.unwind.add('connection', async () => redis.disconnect());
  if (side === 'events') await until('events heard', 30, () => hears(worker.url));
  return { ec2, api, redis };
}

async function hears(workerUrl: string): Promise<boolean> {
  const health = (await (await fetch(`${workerUrl}/health/ready`)).json()) as { events?: string };
  return health.events === 'listening';
}

/** Seconds that the i-th copy takes: evenly between two bounds, in no order (steps of the golden ratio). */
function between(low: number, high: number): (i: number) => number {
  return (i) => Math.round((low + (((i + 1) * 0.618_034) % 1) * (high - low)) * 1000) / 1000;
}

interface Parts {
  ec2: Ec2;
  api: Server;
  redis: Redis;
}

/** Seconds from available to succeeded, of every copy. */
async function noticed(
  { pending, regions }: Case,
  lasts: (i: number) => number,
  { ec2, api, redis }: Parts,
): Promise<number[]> {
  const tags = (i: number) => ({ 'simulator:seconds': String(lasts(i)) });
  const ids = await requestCopies(api.url, pending * regions, REGIONS.slice(0, regions), tags);
  const jobs = await untilFinished(redis, ids, 180);
  const { copyImage } = await ec2.control.calls();
  const calledAt = new Map(copyImage.map(({ imageId, at }) => [imageId, Date.parse(at)]));
  return jobs.map(({ destinations: [copy] }, i) => {
    if (copy?.state !== 'succeeded') throw new Error(`a copy ended as ${copy?.state}`);
    const available = (calledAt.get(copy.imageId) ?? Number.NaN) + lasts(i) * 1000;
    return ((copy.finishedAt ?? Number.NaN) - available) / 1000;
  });
}

/** The same of the SDK's own waiter, one for each copy. */
async function waited(ec2: Ec2, count: number, lasts: (i: number) => number): Promise<number[]> {
  const sdk = await sdkClients(ec2.url);
  const [region = ''] = REGIONS;
  const late = await eachOf(Array.from({ length: count }), count, async (_, i) => {
    const imageId = await sdk.copy(region, { 'simulator:seconds': String(lasts(i)) });
    const available = performance.now() + lasts(i) * 1000;
    await sdk.wait(region, imageId, 1);
    return (performance.now() - available) / 1000;
  });
  sdk.close();
  return late;
}

/** The same of the waiter by arithmetic. */
function computed(label: string, lasts: (i: number) => number): Latencies {
  const random = seeded(1);
  const seconds = Array.from({ length: TRIES }, (_, i) => sdkWaiter(lasts(i), random).late);
  return { label, seconds, side: 'other', computed: true };
}

function finding(measured: Latencies[], quick: boolean): Finding {
  const long = computed('waiter, copies of 5–30 min', between(300, 1800));
  const all = [
    ...measured,
    computed(`waiter, copies of ${quick ? '3–6' : '10–20'} s`, quick ? between(3, 6) : between(10, 20)),
    long,
  ];
  const worst = Math.max(
    ...measured
      .filter(({ label }) => label.includes(POLLING))
      .map(({ seconds }) => percentile(seconds, 0.99)),
  );
  const of = percentile(long.seconds, 0.99);
  return {
    tables: [
      {
        title: 'Seconds from available to noticed',
        columns: ['', 'p50', 'p99', 'copies'],
        rows: all.map(({ label, seconds, computed: mark }) => [
          label,
          ...[0.5, 0.99].map((part) => figure(percentile(seconds, part)) + (mark ? COMPUTED : '')),
          mark ? '' : figure(seconds.length),
        ]),
      },
    ],
    plots: [
      {
        name: 'noticing',
        title: 'From available to noticed, 99 of 100 copies',
        unit: 's',
        bars: all.map(({ label, seconds, side, computed: mark }) => ({
          label: label + (mark ? COMPUTED : ''),
          value: percentile(seconds, 0.99),
          side,
        })),
      },
    ],
    goals: [
      {
        what: "p99 at the most pending by polling alone, of the waiter's p99",
        aim: 'below 0.33',
        measured: figure(worst / of),
        met: worst / of < 1 / 3,
      },
    ],
    method: [
      `Clocks run as they do everywhere: POLL_SECONDS is its default of 5 s. Copies take ${quick ? '3–6' : '10–20'} s, each another time, so that no poll meets them by design. A copy is available at the time of its CopyImage by the simulator's count of calls, plus the seconds asked for; it has succeeded at the time in its record, by Redis' clock on the same machine. One pending copy is measured in 16 regions at once. Both sides run at the same time, each against a simulated EC2 of its own.`,
      "With EC2's events the simulated EC2 sends each one to SQS, also simulated, at the moment at which the copy is available. How long the real EC2 and EventBridge take for that is not in these figures, and is promised nowhere. EVENTS_POLL_SECONDS is its default of 30 s: polling is six times as rare.",
      `${COMPUTED} is arithmetic: the SDK's waiter looks at once, then after delays that grow from 15 to 120 s with jitter, so the longer a copy takes, the later it notices. A waiter holds its own line of waiting for each copy and tells nothing of how many are pending; a full run measures it on copies of 10–20 s too, which checks the arithmetic.`,
    ],
  };
}
