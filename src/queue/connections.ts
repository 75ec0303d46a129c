import { Redis } from 'ioredis';

/** For requests and records: rejects within about a second while Redis is away, and connects again by itself. */
const FAIL_FAST = {
  maxRetriesPerRequest: 1,
  enableOfflineQueue: false,
  commandTimeout: 900,
  connectTimeout: 2000,
};

/** For what is better left out than waited for. */
const HASTY = { ...FAIL_FAST, commandTimeout: 200 };

/** For BullMQ's blocking reads and for subscriptions: waits for Redis as long as it takes. */
const PATIENT = { maxRetriesPerRequest: null, connectTimeout: 2000 };

/** Quick to come back: half a second at most between two tries, milliseconds. */
const retryStrategy = (times: number) => Math.min(50 * times, 500);

const KINDS = { 'fail-fast': FAIL_FAST, hasty: HASTY, patient: PATIENT };

export type ConnectionKind = keyof typeof KINDS;

/**
 * A connection to Redis. `onError` hears of each failed try to connect; ioredis goes on trying. The caller closes it
 * with {@link closeRedis}.
 */
export function connectRedis(url: string, kind: ConnectionKind, onError: (error: Error) => void): Redis {
  const redis = new Redis(url, { ...KINDS[kind], retryStrategy });
  redis.on('error', onError);
  return redis;
}

/** Redis' INFO, for readiness. Where there is none it rejects with what keeps the connection from coming about. */
export function redisProbe(redis: Redis): { info(): Promise<string> } {
  let fault: Error | null = null;
  redis.on('error', (error: Error) => (fault = error));
  redis.on('ready', () => (fault = null));
  return {
    info: () =>
      redis.info().catch((error: unknown) => {
        throw fault ?? error;
      }),
  };
}

/** Resolves once the connection is usable; rejects after `timeout` milliseconds. */
export async function untilReady(redis: Redis, timeout: number): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Redis did not answer within ${timeout} ms`)), timeout);
    redis.once('ready', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Closes a connection, politely where Redis still answers. */
export async function closeRedis(redis: Redis): Promise<void> {
  await redis.quit().catch(() => redis.disconnect());
}
