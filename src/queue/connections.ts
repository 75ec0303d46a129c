import { Cluster, Redis } from 'ioredis';
import type { RedisClient } from '../redis-client.ts';
import type { RedisAddress } from './redis-address.ts';
import { parseRedisUrl } from './redis-address.ts';

/** For requests and records: commands reject within about a second while Redis is away, and the connection reconnects by itself. */
const FAIL_FAST = {
  maxRetriesPerRequest: 1,
  enableOfflineQueue: false,
  commandTimeout: 900,
  connectTimeout: 2000,
  // Closes a connection that is open and silent, and opens a new one: with commandTimeout alone each command would fail for
  // ever.
  socketTimeout: 1500,
};

/** For commands that are better skipped than waited for. */
const OPTIONAL = { ...FAIL_FAST, commandTimeout: 200 };

/**
 * For BullMQ's blocking reads and for subscriptions: commands wait for Redis as long as it takes. A connection that is silent
 * for longer than the longest blocking read is replaced.
 */
const BLOCKING = { maxRetriesPerRequest: null, connectTimeout: 2000, socketTimeout: 30_000 };

const KINDS = { 'fail-fast': FAIL_FAST, optional: OPTIONAL, blocking: BLOCKING };

export type ConnectionKind = keyof typeof KINDS;

type OnError = (error: Error) => void;

/** The delay between two connection attempts: half a second at most, milliseconds. */
const retryStrategy = (times: number) => Math.min(50 * times, 500);

/** A former master that is now a replica refuses writes: ioredis then finds the new master, and sends the refused commands there. */
const reconnectOnError = ({ message }: Error) => (message.startsWith('READONLY') ? 2 : false);

/** How often a command is sent again, 100 ms apart, while a cluster finds a new master: about as long as the fail-fast limit. */
const FAIL_FAST_REDIRECTIONS = 6;
const BLOCKING_REDIRECTIONS = 600;

/** How often a cluster is asked for its masters, milliseconds. */
const CLUSTER_LOOK = 2000;

/**
 * A connection to Redis. `onError` is called for each failed attempt to connect; ioredis keeps trying. The caller closes the
 * connection with {@link closeRedis}.
 * @param url see {@link parseRedisUrl}
 */
export function connectRedis(url: string, kind: ConnectionKind, onError: OnError): RedisClient {
  const address = parseRedisUrl(url);
  const redis = address.kind === 'cluster' ? connectCluster(address, kind) : connectServer(address, kind);
  redis.on('error', onError);
  return redis;
}

/** A connection that only subscribes. It goes to one server, as every node of a cluster forwards what is published at any node. */
export function connectSubscriber(url: string, onError: OnError): Redis {
  const address = parseRedisUrl(url);
  const redis = address.kind === 'cluster' ? connectToAny(address) : connectServer(address, 'blocking');
  redis.on('error', onError);
  return redis;
}

function connectServer(address: Exclude<RedisAddress, { kind: 'cluster' }>, kind: ConnectionKind): Redis {
  const options = { ...KINDS[kind], retryStrategy, reconnectOnError };
  if (address.kind === 'single') return new Redis(address.url, options);
  const { sentinels, master, db, credentials, sentinelCredentials, tls } = address;
  const { username, password } = sentinelCredentials;
  return new Redis({
    ...options,
    ...credentials,
    ...(tls && { tls: {}, enableTLSForSentinelMode: true, sentinelTLS: {} }),
    ...(username !== undefined && { sentinelUsername: username }),
    ...(password !== undefined && { sentinelPassword: password }),
    sentinels,
    name: master,
    db,
    sentinelRetryStrategy: retryStrategy,
    // The Sentinels announce a new master: a master that hangs would not close its connections.
    failoverDetector: true,
  });
}

type ClusterAddress = Extract<RedisAddress, { kind: 'cluster' }>;

function connectCluster({ nodes, tls, credentials }: ClusterAddress, kind: ConnectionKind): Cluster {
  return new Cluster(nodes, {
    enableOfflineQueue: kind === 'blocking',
    clusterRetryStrategy: retryStrategy,
    maxRedirections: kind === 'blocking' ? BLOCKING_REDIRECTIONS : FAIL_FAST_REDIRECTIONS,
    // A master that hangs does not close its connections: only asking the cluster shows that another master has replaced it.
    slotsRefreshInterval: CLUSTER_LOOK,
    slotsRefreshTimeout: CLUSTER_LOOK,
    redisOptions: { ...KINDS[kind], ...credentials, ...(tls && { tls: {} }) },
    // The certificates of managed clusters contain the names, not the addresses.
    ...(tls && { dnsLookup: (host, done) => done(null, host) }),
  });
}

/** Subscribes at the first node that answers, and at the next one whenever the connection is lost. */
function connectToAny({ nodes, tls, credentials }: ClusterAddress): Redis {
  const [first] = nodes;
  const redis: Redis = new Redis({
    ...BLOCKING,
    ...first,
    ...credentials,
    ...(tls && { tls: {} }),
    retryStrategy: (times) => {
      Object.assign(redis.options, nodes[times % nodes.length]);
      return retryStrategy(times);
    },
  });
  return redis;
}

/** Redis' INFO, for readiness. */
export interface RedisProbe {
  /** The INFO of the server that has our keys. Without a connection it rejects with the error that prevents one. */
  info(): Promise<string>;
}

/** @param prefix the prefix of our keys: on a cluster it decides which server has them */
export function redisProbe(redis: RedisClient, prefix: string): RedisProbe {
  let fault: Error | null = null;
  redis.on('error', (error: Error) => (fault = error));
  redis.on('ready', () => (fault = null));
  return {
    info: async () => {
      try {
        return String(await redis.eval("return redis.call('INFO')", 1, `${prefix}:info`));
      } catch (error) {
        throw fault ?? error;
      }
    },
  };
}

/** Resolves once the connection is ready; rejects after `timeout` milliseconds. */
export async function untilReady(redis: RedisClient, timeout: number): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Redis did not answer within ${timeout} ms`)), timeout);
    redis.once('ready', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Closes a connection: with QUIT where Redis still answers. */
export async function closeRedis(redis: RedisClient): Promise<void> {
  await redis.quit().catch(() => redis.disconnect());
}
