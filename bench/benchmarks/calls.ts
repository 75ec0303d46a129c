import { Redis } from 'ioredis';
import { nextPoll, pollIntervalFrom } from '../../src/domain/next-poll.ts';
import { IMAGE_IDS } from '../../src/aws/ec2/find-ended.ts';
import { COPIES_A_CALL } from '../../src/worker/poll-copies.ts';
import type { Bench, Benchmark, Finding } from '../benchmark.ts';
import { COMPUTED } from '../benchmark.ts';
import { figure } from '../figures.ts';
import { eachOf, REGIONS, requestCopies, untilFinished } from '../harness/copies.ts';
import type { CallCounts } from '../harness/ledger.ts';
import { callsSince, countsOf, sum, told } from '../harness/ledger.ts';
import type { Ec2, Server } from '../harness/parts.ts';
import { serviceEnv, startApi, startEc2, startRedis, startWorker } from '../harness/parts.ts';
import { sdkClients } from '../harness/sdk.ts';
import { cliWaiterCalls, meanWaiterCalls } from '../waiter-model.ts';

/** Simulated seconds that each copy takes, and the service's default POLL_SECONDS. */
const COPY_SECONDS = 300;
const POLL_SECONDS = 5;
/** How many times as fast the simulated EC2's clock runs: for many copies, and for up to a hundred. */
const SPEED = 10;
const SPEED_OF_FEW = 20;
/** Copies that would be computed only: they don't fit into a test's time. */
const MANY = 10_000;

interface Case {
  copies: number;
  regions: number;
}

interface Count extends Case {
  /** Before the worker runs, and from then until all copies have succeeded; CopyImage left out, as both sides need it. */
  accepting: CallCounts;
  waiting: CallCounts;
  waiter: number;
}

export const calls: Benchmark = {
  name: 'calls',
  title: 'Calls to EC2',
  question:
    'How many calls to EC2 it takes to wait for copies until all are available, held against what the SDK offers: its own waitUntilImageAvailable, once for each copy. EC2 throttles by calls, and shares its limits with everything else in the account.',
  measure,
};

const FULL: Case[] = [
  { copies: 1, regions: 1 },
  { copies: 100, regions: 1 },
  { copies: 1000, regions: 1 },
  { copies: 17, regions: 17 },
  { copies: 100, regions: 17 },
  { copies: 1000, regions: 17 },
];
const QUICK: Case[] = [
  { copies: 100, regions: 1 },
  { copies: 17, regions: 17 },
];

async function measure(bench: Bench): Promise<Finding> {
  const quick = bench.mode === 'quick';
  const redisUrl = await startRedis(bench);
  const settings = { copySeconds: COPY_SECONDS, copySlots: MANY };
  const [ec2, waiterEc2] = await Promise.all([startEc2(bench, settings), startEc2(bench, settings)]);
  const env = serviceEnv(redisUrl, ec2, {
    COPY_SLOTS: String(MANY),
  });
  const api = await startApi(bench, env);
  const counts: Count[] = [];
  for (const one of quick ? QUICK : FULL) {
    const speed = quick ? 40 : speedFor(one);
    await Promise.all([ec2, waiterEc2].map(({ control }) => control.settings({ speed })));
    const polling = { ...env, POLL_SECONDS: String(POLL_SECONDS / speed) };
    bench.say(`${one.copies} copies, ${one.regions} regions`);
    const [ours, waiter] = await Promise.all([
      countOurs(bench, one, { ec2, api, env: polling }),
      countWaiter(waiterEc2, one, speed),
    ]);
    counts.push({ ...one, ...ours, waiter });
  }
  return finding(counts, quick ? '40 times' : `${SPEED} to ${SPEED_OF_FEW} times`);
}

/** Few copies keep up with a faster clock than many. */
function speedFor({ copies }: Case): number {
  return copies > 100 ? SPEED : SPEED_OF_FEW;
}

interface Parts {
  ec2: Ec2;
  api: Server;
  env: NodeJS.ProcessEnv;
}

async function countOurs(bench: Bench, { copies, regions }: Case, { ec2, api, env }: Parts) {
  const before = countsOf(await ec2.control.calls());
  const ids = await requestCopies(api.url, copies, REGIONS.slice(0, regions));
  const accepted = countsOf(await ec2.control.calls());
  const worker = await startWorker(bench, env);
  const redis = new Redis(env['REDIS_URL'] ?? '');
  const jobs = await untilFinished(redis, ids, 300).finally(() => redis.disconnect());
  const done = countsOf(await ec2.control.calls());
  await worker.stop();
  if (jobs.some((job) => job.destinations.some(({ state }) => state !== 'succeeded')))
    throw new Error('a copy did not succeed');
  return { accepting: callsSince(before, accepted), waiting: withoutCopies(callsSince(accepted, done)) };
}

async function countWaiter(ec2: Ec2, { copies, regions }: Case, speed: number): Promise<number> {
  const sdk = await sdkClients(ec2.url);
  const before = countsOf(await ec2.control.calls());
  await eachOf(Array.from({ length: copies }), copies, async (_, i) => {
    const region = REGIONS[i % regions] ?? '';
    await sdk.wait(region, await sdk.copy(region), speed);
  });
  sdk.close();
  return sum(Object.values(withoutCopies(callsSince(before, countsOf(await ec2.control.calls())))));
}

function withoutCopies({ CopyImage: _copies, ...rest }: CallCounts): CallCounts {
  return rest;
}

function finding(counts: Count[], speeds: string): Finding {
  const ours = (count: Count) => sum(Object.values(count.accepting)) + sum(Object.values(count.waiting));
  const rows = counts.map((count) => [
    `${figure(count.copies)} over ${count.regions}`,
    told(count.accepting),
    told(count.waiting),
    figure(pollsOfRegion(count)),
    figure(ours(count)),
    figure(count.waiter),
    figure(count.waiter / ours(count)),
    figure(count.copies * cliWaiterCalls(COPY_SECONDS)) + COMPUTED,
  ]);
  const largest = counts.findLast(({ regions }) => regions === 1);
  const times = largest === undefined ? 0 : largest.waiter / ours(largest);
  return {
    tables: [
      {
        title: 'Calls until all copies are available, CopyImage itself not counted',
        columns: [
          'copies, regions',
          'while accepting',
          'while waiting',
          'polls of a region',
          'in all',
          "SDK's waiter",
          'times fewer',
          'AWS CLI, boto3',
        ],
        rows: [...rows, ...manyRows(counts)],
      },
    ],
    plots: [
      {
        name: 'calls',
        title: `Calls to EC2 until all copies are available (copies of ${COPY_SECONDS / 60} minutes)`,
        unit: 'calls',
        logarithmic: true,
        bars: counts.flatMap((count) => {
          const label = `${figure(count.copies)} over ${count.regions}`;
          return [
            { label: `amiferry: ${label}`, value: ours(count), side: 'ours' as const },
            { label: `waiter: ${label}`, value: count.waiter, side: 'other' as const },
          ];
        }),
      },
    ],
    goals: [
      {
        what: `times fewer calls at ${figure(largest?.copies ?? 0)} pending in one region`,
        aim: 'at least 100 (at 1,000 pending)',
        measured: figure(times),
        met: (largest?.copies ?? 0) >= 1000 && times >= 100,
      },
    ],
    method: [
      `A copy takes ${COPY_SECONDS} s. The simulated EC2's clock runs ${speeds} as fast, and both sides poll faster by the same factor: POLL_SECONDS (${POLL_SECONDS} s by default) and the waiter's delays are divided by it (15 to 120 s, with the SDK's own jitter). Both sides run at the same time, each against a simulated EC2 of its own; the worker starts once all requests are accepted, so that the calls of accepting stand apart. Most of those look for an image of the same name in the destinations; their number follows from the time that accepting takes (at most 50 at once and 5 a second in a region), and not from the number of copies.`,
      `The service polls a region as often as its pending copies ask for: every ${POLL_SECONDS} s at first, then more rarely, the older they are, up to every ${(POLL_SECONDS * 6).toString()} s, and more often again around the time at which their progress lets expect their end (src/domain/next-poll.ts). One copy alone of which nothing tells when it ends is looked at ${pollsByInterval().toString()} times${COMPUTED}; copies that begin one after the other ask for more. Fewer than that means that this machine did not keep up with the fast clock, and that the service's calls are counted too low.`,
      `The AWS CLI's and boto3's waiters look every 15 s without fail: a look at once and then one every 15 s, for each copy${COMPUTED}. In a real account a region makes at most 300 copies at once by default; COPY_SLOTS was raised here to have more of them pending.`,
      `${COMPUTED} is arithmetic: for 10,000 copies the service's DescribeImages of the largest measured case are scaled by the copies in a region where a call names up to ${IMAGE_IDS.toLocaleString('en-US')} of them, its DescribeSnapshots by the same where a call tells of up to ${COPIES_A_CALL} of them (which is more than they would be: progress is asked for the more rarely the more calls it takes), and the waiter's by its mean number of looks at a copy of that length.`,
    ],
  };
}

/** Looks at each region, on average. */
function pollsOfRegion({ copies, regions, waiting }: Count): number {
  return (waiting['DescribeImages'] ?? Number.NaN) / callsOfAPoll(copies, regions);
}

/** Polls one copy until its end is seen, by the poll interval alone. */
function pollsByInterval(): number {
  const pollInterval = pollIntervalFrom(POLL_SECONDS * 1000);
  let looks = 1;
  for (let at = 0; at < COPY_SECONDS * 1000; looks += 1)
    at = nextPoll([{ startedAt: 0, expectedAt: null }], at, pollInterval);
  return looks;
}

/** Calls of DescribeImages that one look at all regions takes. */
function callsOfAPoll(copies: number, regions: number): number {
  return Math.min(copies, regions) * Math.ceil(copies / regions / IMAGE_IDS);
}

/** Calls of DescribeSnapshots that the snapshots of all copies take. */
function snapshotCalls(copies: number, regions: number): number {
  return Math.min(copies, regions) * Math.ceil(copies / regions / COPIES_A_CALL);
}

/** What 10,000 copies would take, by arithmetic from the largest case with as many regions. */
function manyRows(counts: Count[]): string[][] {
  return [1, 17].flatMap((regions) => {
    const measured = counts.findLast((count) => count.regions === regions);
    if (measured === undefined) return [];
    const factor = callsOfAPoll(MANY, regions) / callsOfAPoll(measured.copies, regions);
    const accepting = (sum(Object.values(measured.accepting)) * MANY) / measured.copies;
    const { DescribeSnapshots: snapshots = 0, ...others } = measured.waiting;
    const told = snapshotCalls(MANY, regions) / snapshotCalls(measured.copies, regions);
    const waiting = sum(Object.values(others)) * factor + snapshots * told;
    const waiter = MANY * meanWaiterCalls(COPY_SECONDS);
    return [
      [
        `${figure(MANY)} over ${regions}`,
        figure(accepting) + COMPUTED,
        figure(waiting) + COMPUTED,
        figure(pollsOfRegion(measured)) + COMPUTED,
        figure(accepting + waiting) + COMPUTED,
        figure(waiter) + COMPUTED,
        figure(waiter / (accepting + waiting)) + COMPUTED,
        figure(MANY * cliWaiterCalls(COPY_SECONDS)) + COMPUTED,
      ],
    ];
  });
}
