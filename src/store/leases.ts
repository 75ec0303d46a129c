import type { RedisClient } from '../redis-client.ts';
import type { StoreKeys } from './keys.ts';

/** Which worker does a recurring step. Its method rejects with ioredis' errors. */
export interface Leases {
  /**
   * Whether the caller takes the lease of a recurring step, and so runs it. The first caller in each interval of so many milliseconds takes
   * it, by Redis' clock. If that worker dies, another one takes the next lease.
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
    // The lease is a little shorter than the interval, so that it has expired when the next interval begins.
    const lease = Math.max(1, Math.round(every * 0.9));
    return (await this.#redis.set(this.#keys.lease(step), '1', 'PX', lease, 'NX')) !== null;
  }
}
