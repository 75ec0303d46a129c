import { Redis } from 'ioredis';
import { Outbox } from '../../src/store/outbox.ts';
import { storeKeys } from '../../src/store/keys.ts';
import { testRedisUrl } from './redis.ts';
import type { Service } from './service.ts';

/** Loses what writes have left in the outbox, as a worker does that takes it and is killed. How much it was. */
export function loseWakeUps({ prefix }: Pick<Service, 'prefix'>): Promise<number> {
  return withRedis(async (redis) => {
    const lost = await redis.llen(storeKeys(prefix).outbox);
    await redis.del(storeKeys(prefix).outbox);
    return lost;
  });
}

/** Takes what is in the outbox to the queue, as a worker does that then does none of it. */
export async function relayOnce({ prefix, producer }: Pick<Service, 'prefix' | 'producer'>): Promise<void> {
  await withRedis(async (redis) => producer.wake(await new Outbox(redis, prefix).take(100)));
}

async function withRedis<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(testRedisUrl());
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}
