import { keyIn } from './account.ts';
import { Redis } from 'ioredis';
import { storeKeys } from '../../src/store/keys.ts';
import { testRedisUrl } from './redis.ts';
import type { Service } from './service.ts';

/** Runs until a region has been polled, and its next poll is at least this many milliseconds away. */
export async function untilPolled(
  { prefix, producer, store, until }: Service,
  region: string,
  rest: number,
): Promise<void> {
  const redis = new Redis(testRedisUrl());
  try {
    await until(async () => {
      const due = Number(await redis.zscore(storeKeys(prefix).scopes, keyIn(region)));
      const { waiting, active } = await producer.counts();
      return due > store.now() + rest && waiting + active === 0;
    });
  } finally {
    redis.disconnect();
  }
}
