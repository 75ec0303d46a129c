import { Redis } from 'ioredis';
import { freePort } from './free-port.ts';
import { until } from './waiting.ts';
import type { RedisServer } from './redis-servers.ts';
import { startRedisServer } from './redis-servers.ts';

const MASTERS = 3;
const SLOTS = 16_384;
/** Milliseconds after which a node that does not answer counts as failed. Redis' default is 15 s. */
const NODE_TIMEOUT = 1500;

export interface RedisCluster {
  /** Its REDIS_URL, with this server named first. */
  urlFrom(first: RedisServer): string;
  servers: RedisServer[];
  /** The current master of the key's slot. */
  masterOf(key: string): Promise<RedisServer>;
}

/** Starts a real Redis Cluster: three masters with a third of the slots each, and a replica for each. */
export async function startRedisCluster(dir: string): Promise<RedisCluster> {
  const servers: RedisServer[] = [];
  while (servers.length < 2 * MASTERS) {
    const port = await freePort();
    // The port of the cluster bus.
    const busPort = await freePort();
    servers.push(
      await startRedisServer(dir, port, {
        'cluster-enabled': 'yes',
        'cluster-node-timeout': String(NODE_TIMEOUT),
        'cluster-port': String(busPort),
        appendonly: 'yes',
        'maxmemory-policy': 'noeviction',
        // Otherwise a replica whose link to the master was down for a while would not start an election.
        'cluster-replica-validity-factor': '0',
      }),
    );
  }
  const nodes = servers.map(({ port }) => new Redis(port, '127.0.0.1'));
  try {
    await join(nodes);
  } finally {
    for (const node of nodes) node.disconnect();
  }
  const ask = async (port: number, key: string) => masterIn(servers, port, key);
  return {
    urlFrom: (first) =>
      `redis+cluster://${[first, ...servers.filter((one) => one !== first)].map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    servers,
    masterOf: async (key) => {
      const answers = await Promise.all(servers.map(({ port }) => ask(port, key).catch(() => undefined)));
      const found = answers.find((one) => one !== undefined);
      if (found === undefined) throw new Error(`no node knows the master of ${key}`);
      return found;
    },
  };
}

async function join(nodes: readonly Redis[]): Promise<void> {
  const [first, ...others] = nodes;
  const firstPort = first?.options.port ?? 0;
  const share = Math.ceil(SLOTS / MASTERS);
  for (const [i, node] of nodes.slice(0, MASTERS).entries()) {
    const last = Math.min((i + 1) * share, SLOTS) - 1;
    await node.call('CLUSTER', 'ADDSLOTSRANGE', i * share, last);
  }
  const bus = /:(\d+)@(\d+)/.exec(String(await first?.call('CLUSTER', 'NODES')))?.[2] ?? '';
  for (const node of others) await node.call('CLUSTER', 'MEET', '127.0.0.1', firstPort, bus);
  const knows = async (node: Redis, count: number) =>
    String(await node.call('CLUSTER', 'NODES'))
      .split('\n')
      .filter((line) => line.includes('connected')).length >= count;
  await until(async () => (await Promise.all(nodes.map((node) => knows(node, nodes.length)))).every(Boolean));
  for (const [i, replica] of nodes.slice(MASTERS).entries())
    await replica.call('CLUSTER', 'REPLICATE', String(await nodes[i]?.call('CLUSTER', 'MYID')));
  const settled = async (node: Redis) =>
    /cluster_state:ok/.test(String(await node.call('CLUSTER', 'INFO'))) &&
    String(await node.call('CLUSTER', 'NODES')).match(/ (?:myself,)?slave /g)?.length === MASTERS;
  await until(async () => (await Promise.all(nodes.map(settled))).every(Boolean));
  const synced = async (replica: Redis) => /master_link_status:up/.test(await replica.info('replication'));
  await until(async () => (await Promise.all(nodes.slice(MASTERS).map(synced))).every(Boolean));
}

async function masterIn(
  servers: readonly RedisServer[],
  port: number,
  key: string,
): Promise<RedisServer | undefined> {
  const redis = new Redis(port, '127.0.0.1', { retryStrategy: () => null, commandTimeout: 1000 });
  redis.on('error', () => {});
  try {
    const slot = Number(await redis.call('CLUSTER', 'KEYSLOT', key));
    const ranges = (await redis.call('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
    const range = ranges.find(([from, to]) => from <= slot && slot <= to);
    return servers.find((server) => server.port === range?.[2][1]);
  } finally {
    redis.disconnect();
  }
}
