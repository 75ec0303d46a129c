import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { closeRedis, connectRedis } from '../../src/queue/connections.ts';
import { startSentinelGroup } from '../helpers/redis-sentinel.ts';
import { endServers } from '../helpers/redis-servers.ts';
import { until } from '../helpers/waiting.ts';

let end: () => Promise<void>;
afterEach(() => end());

test('under Sentinels a connection finds the master, and the next one once that stops answering', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'amiferry-sentinel-'));
  const group = await startSentinelGroup(dir);
  const redis = connectRedis(group.url, 'fail-fast', () => {});
  end = async () => {
    await closeRedis(redis);
    await endServers(group.servers);
    await rm(dir, { recursive: true, force: true });
  };
  const writes = async () => (await redis.set('key', 'value').catch(() => null)) === 'OK';
  await until(writes);
  const master = await group.master();
  master.kill('SIGSTOP');
  expect(await writes()).toBe(false);
  await until(writes);
  expect(await group.master()).not.toBe(master);
});
