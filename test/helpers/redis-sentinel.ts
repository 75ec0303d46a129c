import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './free-port.ts';
import { until } from './waiting.ts';
import type { RedisServer } from './redis-servers.ts';
import { startRedisServer } from './redis-servers.ts';

const REPLICAS = 2;
const SENTINELS = 3;
const MASTER = 'amis';
/** Milliseconds after which a server that does not answer counts as down. Redis' default is 30 s. */
const DOWN_AFTER = 1500;

export interface SentinelGroup {
  url: string;
  /** Servers and Sentinels. */
  servers: RedisServer[];
  /** The current master according to the Sentinels. */
  master(): Promise<RedisServer>;
}

/** Starts a master, two replicas, and three Sentinels that monitor them. */
export async function startSentinelGroup(dir: string): Promise<SentinelGroup> {
  const data = { appendonly: 'yes', 'maxmemory-policy': 'noeviction', 'repl-diskless-sync-delay': '0' };
  const first = await startRedisServer(dir, await freePort(), data);
  const servers = [first];
  for (let i = 0; i < REPLICAS; i += 1) {
    const settings = { ...data, replicaof: `127.0.0.1 ${first.port}` };
    servers.push(await startRedisServer(dir, await freePort(), settings));
  }
  const sentinels: RedisServer[] = [];
  for (let i = 0; i < SENTINELS; i += 1) sentinels.push(await startSentinel(dir, first.port));
  await untilTheyKnow(sentinels);
  return {
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${MASTER}`,
    servers: [...servers, ...sentinels],
    master: async () => {
      const [sentinel] = sentinels;
      const [, port] = (await ask(sentinel?.port ?? 0, 'GET-MASTER-ADDR-BY-NAME')) as [string, string];
      const found = servers.find((one) => one.port === Number(port));
      if (found === undefined) throw new Error(`the master is not one of ours: ${port}`);
      return found;
    },
  };
}

/** A Sentinel's configuration file, in which it also stores its state. */
async function startSentinel(dir: string, master: number): Promise<RedisServer> {
  const port = await freePort();
  const home = join(dir, `sentinel-${port}`);
  await mkdir(home);
  const file = join(home, 'sentinel.conf');
  const lines = [
    `sentinel monitor ${MASTER} 127.0.0.1 ${master} 2`,
    `sentinel down-after-milliseconds ${MASTER} ${DOWN_AFTER}`,
    `sentinel failover-timeout ${MASTER} 6000`,
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  return startRedisServer(dir, port, {}, [file, '--sentinel']);
}

async function untilTheyKnow(sentinels: readonly RedisServer[]): Promise<void> {
  const knows = async ({ port }: RedisServer) => {
    const answer = (await ask(port, 'MASTER')) as string[];
    const number = (name: string) => Number(answer[answer.indexOf(name) + 1]);
    return number('num-slaves') === REPLICAS && number('num-other-sentinels') === SENTINELS - 1;
  };
  await until(async () => (await Promise.all(sentinels.map(knows))).every(Boolean));
}

async function ask(port: number, what: string): Promise<unknown> {
  const sentinel = new Redis(port, '127.0.0.1', { retryStrategy: () => null });
  sentinel.on('error', () => {});
  try {
    return await sentinel.call('SENTINEL', what, MASTER);
  } finally {
    sentinel.disconnect();
  }
}
