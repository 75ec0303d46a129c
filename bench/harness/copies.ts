import type { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CopyJob } from '../../src/domain/job.ts';
import { partitionOf, regions } from '../../simulator/regions.ts';
import { storeKeys } from '../../src/store/keys.ts';
import { RedisJobStore } from '../../src/store/redis-store.ts';

/** The image that the simulator seeds first, and that everything here copies. */
export const SOURCE = { imageId: 'ami-0a1b2c3d4e5f60001', region: 'us-east-1' };

/** The service's own default prefix of keys. */
export const PREFIX = '{amiferry}';

/** The 17 regions that every account of the source's partition has, the source's own last. */
export const REGIONS: readonly string[] = [...regions]
  .filter(([, status]) => status === 'opt-in-not-required')
  .map(([name]) => name)
  .filter((name) => partitionOf(name) === partitionOf(SOURCE.region))
  .sort((a, b) => Number(a === SOURCE.region) - Number(b === SOURCE.region));

/** One destination of a request; into its own region an image is only copied to encrypt it. */
export function destination(region: string) {
  return region === SOURCE.region ? { region, encrypted: true } : { region };
}

export const COPIES_PATH = `/amis/${SOURCE.imageId}/copies?region=${SOURCE.region}`;

/** Requests one job by HTTP, trying again where EC2 throttles the look at the source. Its id. */
export async function requestCopy(apiUrl: string, body: object): Promise<string> {
  for (;;) {
    const response = await fetch(apiUrl + COPIES_PATH, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as { id: string };
    if (response.status === 202) return answer.id;
    if (response.status !== 429 && response.status !== 503) throw new Error(JSON.stringify(answer));
    await sleep(200);
  }
}

/** Requests so many jobs of one copy each, spread over the regions in turn. Their ids, in order. */
export async function requestCopies(
  apiUrl: string,
  count: number,
  over: readonly string[],
  tags: (i: number) => Record<string, string> = () => ({}),
): Promise<string[]> {
  const bodies = Array.from({ length: count }, (_, i) => ({
    destinations: [destination(over[i % over.length] ?? '')],
    tags: tags(i),
  }));
  return eachOf(bodies, 20, (body) => requestCopy(apiUrl, body));
}

/** Does something for each item, so many at a time; the results in the items' order. */
export async function eachOf<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, i: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const lane = async () => {
    for (const [i, item] of queue) results[i] = await work(item, i);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return results;
}

/** The records of these jobs, once all have finished. @throws after so many seconds */
export async function untilFinished(
  redis: Redis,
  ids: readonly string[],
  seconds: number,
): Promise<CopyJob[]> {
  const store = new RedisJobStore(redis, PREFIX, {
    wake: async () => {},
    announce: (_, job) => ({ job, messages: [] }),
  });
  const { unfinished } = storeKeys(PREFIX);
  await until(`${ids.length} jobs finished`, seconds, async () => (await redis.exists(unfinished)) === 0);
  const jobs = await Promise.all(ids.map((id) => store.get(id)));
  return jobs.filter((job) => job?.kind === 'copy');
}

/** Polls a condition until it holds. @throws after so many seconds */
export async function until(what: string, seconds: number, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`Not within ${seconds} s: ${what}`);
    await sleep(100);
  }
}
