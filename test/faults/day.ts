import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { keysOf } from '../../src/dev/drop-keys.ts';
import { until } from '../helpers/processes.ts';
import { PREFIX, settle } from './settle.ts';
import { REGIONS } from './stage.ts';
import type { Table } from './table.ts';

/** Of the simulator's clock in a real second: a day in two and a half minutes. */
const SPEED = 576;
const DAY_SECONDS = 86_400;
const COPIES = 5000;
/** Looks at memory, evenly over the day. */
const SAMPLES = 8;
/** Simulated seconds that EC2 copies. */
const COPY_SECONDS = 900;
/** Real milliseconds in which everything has to be forgotten once it is past its retention. */
const FORGOTTEN_MS = 100_000;

/** Real days for which a finished job, and an answer to a key, is kept: 26 s. */
export const DAY_SETTINGS = { JOB_RETENTION_DAYS: '0.0003', IDEMPOTENCY_DAYS: '0.0003' };

/** A day with copies from its first hour to its last. @returns what was not as it has to be */
export async function playDay({ stack, client }: Table, say: (text: string) => void): Promise<string[]> {
  await stack.control.settings({ speed: SPEED, copySlots: COPIES });
  const redis = new Redis(stack.redis.port, '127.0.0.1');
  const sample = async (hours: number) => say(await look(stack, redis, hours));
  const part = COPIES / SAMPLES;
  const realMs = (DAY_SECONDS / SPEED / COPIES) * 1000;
  const start = performance.now();
  for (let sent = 0; sent < COPIES; sent += 1) {
    if (sent % part === 0) await sample((sent / COPIES) * 24);
    await sleep(Math.max(0, start + sent * realMs - performance.now()));
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
    ...(left.length === 0 ? [] : [`${left.length} keys of jobs that are gone, as ${left[0] ?? ''}`]),
  ];
}

async function look({ api, workers }: Table['stack'], redis: Redis, hours: number): Promise<string> {
  const parts = await Promise.all(
    [api, ...workers].map(async ({ process }) => `${process.name} ${await residentMiB(process.pid)} MiB`),
  );
  const used = /used_memory:(\d+)/.exec(await redis.info('memory'))?.[1];
  const keys = await redis.dbsize();
  return `${hours.toFixed(0).padStart(3)} h  ${parts.join(', ')}; Redis ${(Number(used) / 2 ** 20).toFixed(1)} MiB, ${keys} keys`;
}

/** Linux only. */
async function residentMiB(pid: number): Promise<string> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return (Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024).toFixed(0);
}
