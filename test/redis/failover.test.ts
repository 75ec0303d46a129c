import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startRedisCluster } from '../helpers/redis-cluster.ts';
import { startSentinelGroup } from '../helpers/redis-sentinel.ts';
import type { RedisServer } from '../helpers/redis-servers.ts';
import { endServers } from '../helpers/redis-servers.ts';
import { playFailover } from './failover.ts';

/** `npm run failover` plays all of them, with two workers; `npm test` the one in which most has to be found anew. */
const all = process.env['FAILOVER'] === 'all';
const WORKERS = all ? 2 : 1;

let dir: string;
let servers: readonly RedisServer[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'amiferry-failover-'));
});
afterEach(async () => {
  await endServers(servers);
  servers = [];
  await rm(dir, { recursive: true, force: true });
});

async function expectNothingLost(url: string, master: RedisServer, signal: NodeJS.Signals): Promise<void> {
  const report = await playFailover(url, master, signal, WORKERS);
  process.stdout.write(`${expect.getState().currentTestName ?? ''}: ${JSON.stringify(report)}\n`);
  expect(report).toMatchObject({ lost: 0, duplicates: 0 });
  expect(report.states['succeeded']).toBe(report.accepted - report.lostInWindow);
  const { ids, types } = report.stream;
  expect(types.slice(0, 2)).toEqual(['job.queued', 'job.running']);
  expect(types.at(-1)).toBe('job.succeeded');
  const order = (id: string) =>
    id
      .split('-')
      .map((part) => part.padStart(20, '0'))
      .join();
  expect(ids.map(order)).toEqual([...new Set(ids.map(order))].toSorted());
}

test.runIf(all).each(['SIGKILL', 'SIGSTOP'] as const)(
  'a cluster whose master of our keys gets %s',
  expectClusterSurvives,
);
test.runIf(all).each(['SIGKILL', 'SIGSTOP'] as const)(
  'a master under Sentinels gets %s',
  expectGroupSurvives,
);
test.skipIf(all)('a cluster whose master of our keys is killed', () => expectClusterSurvives('SIGKILL'));

async function expectClusterSurvives(signal: NodeJS.Signals): Promise<void> {
  const nodes = await startRedisCluster(dir);
  ({ servers } = nodes);
  const master = await nodes.masterOf('{amiferry}:jobs');
  // Named first, it is also the one where the API subscribes.
  await expectNothingLost(nodes.urlFrom(master), master, signal);
}

async function expectGroupSurvives(signal: NodeJS.Signals): Promise<void> {
  const group = await startSentinelGroup(dir);
  ({ servers } = group);
  await expectNothingLost(group.url, await group.master(), signal);
}
