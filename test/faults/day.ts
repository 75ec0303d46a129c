import { readFile } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { keysOf } from '../../tools/dev/drop-keys.ts';
import { until } from '../helpers/waiting.ts';
import { PREFIX, settle } from './settle.ts';
import { REGIONS } from './stage.ts';
import { INSPECTABLE } from './stack/live-heap.ts';
import type { Inspectors } from './stack/live-heap.ts';
import type { Table } from './table.ts';
import { untilTime } from './waits.ts';

/** Of the simulator's clock in a real second: a day in two and a half minutes. */
const SPEED = 576;
const DAY_SECONDS = 86_400;
const COPIES = 5000;
/** Looks at memory, evenly over the day. */
const SAMPLES = 8;
/** Simulated seconds that EC2 copies. */
const COPY_SECONDS = 900;
/** By how much what a process holds may differ between the sixth hour and any later one, MiB: noise, not 3,750 copies' leak. */
const FLAT_MIB = 12;
/** By when jobs are dropped as fast as they come. */
const STEADY_HOURS = 6;
/** Real milliseconds in which everything has to be forgotten once it is past its retention. */
const FORGOTTEN_MS = 100_000;

/** Real days for which a finished job, and an answer to a key, is kept: 26 s. */
export const DAY_SETTINGS = {
  JOB_RETENTION_DAYS: '0.0003',
  IDEMPOTENCY_DAYS: '0.0003',
  NODE_OPTIONS: INSPECTABLE,
};

/** A day with copies from its first hour to its last. @returns what was not as it has to be */
export async function playDay(
  { stack, client }: Table,
  inspectors: Inspectors,
  say: (text: string) => void,
): Promise<string[]> {
  await stack.control.settings({ speed: SPEED, copySlots: COPIES });
  const redis = new Redis(stack.redis.port, '127.0.0.1');
  const looks: Look[] = [];
  const sample = async (hours: number) => {
    const seen = { hours, processes: await memoryOf(stack, inspectors) };
    looks.push(seen);
    say(await lineOf(seen, redis));
  };
  const part = COPIES / SAMPLES;
  const realMs = (DAY_SECONDS / SPEED / COPIES) * 1000;
  const start = performance.now();
  for (let sent = 0; sent < COPIES; sent += 1) {
    if (sent % part === 0) await sample((sent / COPIES) * 24);
    await untilTime(start + sent * realMs);
    await client.copy({
      name: `day-${sent}`,
      tags: { release: 'tonight', 'simulator:seconds': String(COPY_SECONDS) },
      destinations: [{ region: REGIONS[sent % REGIONS.length] ?? REGIONS[0] }],
    });
  }
  await settle(client, FORGOTTEN_MS);
  await sample(24);
  const { copyImage } = await stack.control.calls();
  const images = new Set(copyImage.map(({ imageId }) => imageId)).size;
  const owned = async () =>
    (await keysOf(redis, PREFIX)).filter((key) => /[0-9a-f]{8}-[0-9a-f]{4}-/.test(key));
  await until(async () => (await owned()).length === 0, FORGOTTEN_MS).catch(() => {});
  const left = await owned();
  const keys = await keysOf(redis, PREFIX);
  say(`${images} images; keys at the end: ${keys.toSorted().join(', ')}`);
  redis.disconnect();
  return [
    ...(images === COPIES ? [] : [`${images} images instead of ${COPIES}`]),
    ...growing(looks),
    ...(left.length === 0 ? [] : [`${left.length} keys of jobs that are gone, as ${left[0] ?? ''}`]),
  ];
}

interface Look {
  hours: number;
  processes: { name: string; residentMiB: number; liveMiB: number }[];
}

/** Resident memory is read before the collection that live memory needs. */
async function memoryOf(
  { api, workers }: Table['stack'],
  inspectors: Inspectors,
): Promise<Look['processes']> {
  return Promise.all(
    [api, ...workers].map(async ({ process: { name, pid } }) => {
      const resident = await residentMiB(pid);
      return { name, residentMiB: resident, liveMiB: (await inspectors.liveBytes(name)) / 2 ** 20 };
    }),
  );
}

async function lineOf({ hours, processes }: Look, redis: Redis): Promise<string> {
  const parts = processes.map(
    ({ name, residentMiB: resident, liveMiB }) =>
      `${name} ${resident.toFixed(0)} MiB (live ${liveMiB.toFixed(1)})`,
  );
  const used = /used_memory:(\d+)/.exec(await redis.info('memory'))?.[1];
  const keys = await redis.dbsize();
  return `${hours.toFixed(0).padStart(3)} h  ${parts.join(', ')}; Redis ${(Number(used) / 2 ** 20).toFixed(1)} MiB, ${keys} keys`;
}

/** What is held is to be as much at the end of the day as once it began to be steady. */
function growing(looks: readonly Look[]): string[] {
  const steady = looks.filter(({ hours }) => hours >= STEADY_HOURS).map(({ processes }) => processes);
  const [first = [], last = []] = [steady[0], steady.at(-1)];
  return first.flatMap(({ name, liveMiB }) => {
    const grown = (last.find((one) => one.name === name)?.liveMiB ?? Infinity) - liveMiB;
    return grown > FLAT_MIB
      ? [`${name} holds ${grown.toFixed(1)} MiB more than in hour ${STEADY_HOURS}`]
      : [];
  });
}

/** Linux only. */
async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}
