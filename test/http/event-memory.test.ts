import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../helpers/free-port.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import type { RedisClient } from '../../src/redis-client.ts';
import { closeRedis, connectRedis, untilReady } from '../../src/queue/connections.ts';
import { storeKeys } from '../../src/store/keys.ts';
import { RedisJobStore } from '../../src/store/redis-store.ts';
import { copyJob } from '../helpers/copy-job.ts';
import type { Run } from '../helpers/processes.ts';
import { runEntry } from '../helpers/processes.ts';
import { PATIENCE, until } from '../helpers/waiting.ts';
import { dropPrefix, testPrefix, testRedisUrl } from '../helpers/redis.ts';
import { EventClient } from './event-client.ts';

const prefix = testPrefix();
const clients: EventClient[] = [];
let redis: RedisClient;
let api: Run;
let url: string;

/** The API as a process of its own: its clients' memory is not its own. */
beforeAll(async () => {
  redis = connectRedis(testRedisUrl(), 'blocking', () => {});
  await untilReady(redis, PATIENCE);
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  api = runEntry(PROJECT_DIR, 'src/bin/api.ts', {
    PORT: String(port),
    QUEUE_PREFIX: prefix,
    EVENT_STREAMS_PER_CALLER: '2000',
    RATE_LIMIT: '0',
    AWS_EC2_METADATA_DISABLED: 'true',
  });
  await until(async () => (await fetch(`${url}/health/live`).catch(() => null))?.ok === true);
});
afterAll(async () => {
  for (const client of clients) client.close();
  api.kill('SIGTERM');
  await api.ended;
  await dropPrefix(redis, prefix);
  await closeRedis(redis);
});

/** Streams that are opened at once; a divisor of what the test asks for. */
const AT_ONCE = 50;

/** Follows a job so many times, and waits until each has its first event. */
async function follow(id: string, times: number): Promise<EventClient[]> {
  const followers: EventClient[] = [];
  // In groups: an API whose event loop is too busy turns requests away.
  while (followers.length < times) {
    const group = Array.from({ length: AT_ONCE }, () => new EventClient(`${url}/jobs/${id}/events`));
    clients.push(...group);
    followers.push(...group);
    await until(() => group.every(({ events }) => events.length > 0));
  }
  return followers;
}

async function metric(name: string): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1]);
}

const MIB = 1024 * 1024;

test('a thousand streams take the API little memory, and one subscription', async ({ annotate }) => {
  const job = copyJob({});
  const store = new RedisJobStore(redis, prefix, {
    wake: async () => {},
    announce: (_, job) => ({ job, messages: [] }),
  });
  await store.create(job);
  // What the first streams load and compile is no stream's own.
  for (const client of await follow(job.id, 200)) client.close();
  await until(async () => (await metric('amiferry_http_event_streams')) === 0);
  const before = await metric('process_resident_memory_bytes');

  await follow(job.id, 1000);
  expect(await metric('amiferry_http_event_streams')).toBe(1000);
  const grown = (await metric('process_resident_memory_bytes')) - before;
  await annotate(
    `1,000 streams: ${(grown / MIB).toFixed(0)} MiB more, ${(grown / 1000 / 1024).toFixed(0)} KiB a stream`,
  );
  // Far from what it is, near enough to see a buffer or a connection for each.
  expect(grown).toBeLessThan(192 * MIB);
  expect(await redis.pubsub('NUMSUB', storeKeys(prefix).feed)).toEqual([storeKeys(prefix).feed, 1]);
});
