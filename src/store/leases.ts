import type { RedisClient } from '../redis-client.ts';
import type { StoreKeys } from './keys.ts';

/** Which worker does a recurring step. Its method rejects with ioredis' errors. */
export interface Leases {
  /**
   * Whether a recurring step is the caller's to do: that of the first who asks in every so many milliseconds, by Redis'
   * clock. A worker that dies in it holds up no other.
   */
  takeLease(step: string, every: number): Promise<boolean>;
}

/** The {@link Leases} in Redis, which expire by its clock. */
export class RedisLeases implements Leases {
  readonly #redis: RedisClient;
  readonly #keys: StoreKeys;

  constructor(redis: RedisClient, keys: StoreKeys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async takeLease(step: string, every: number): Promise<boolean> {
    // A little less than the interval, so that the next time isn't missed by a hair.
    const lease = Math.max(1, Math.round(every * 0.9));
    return (await this.#redis.set(this.#keys.lease(step), '1', 'PX', lease, 'NX')) !== null;
  }
}
