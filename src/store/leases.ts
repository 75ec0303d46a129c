import type { RedisClient } from '../redis-client.ts';
import type { StoreKeys } from './keys.ts';

/** Leases decide which worker runs a recurring step. The method rejects with ioredis' errors. */
export interface Leases {
  /**
   * Whether the caller is to run a recurring step: the first worker to ask within an interval (milliseconds, by Redis' clock)
   * takes the lease. A worker that dies in the step delays no other.
   */
  takeLease(step: string, every: number): Promise<boolean>;
}

/** The {@link Leases} in Redis. They expire by its clock. */
export class RedisLeases implements Leases {
  readonly #redis: RedisClient;
  readonly #keys: StoreKeys;

  constructor(redis: RedisClient, keys: StoreKeys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async takeLease(step: string, every: number): Promise<boolean> {
    // A little less than the interval, so that the next run does not just miss the expiry.
    const lease = Math.max(1, Math.round(every * 0.9));
    return (await this.#redis.set(this.#keys.lease(step), '1', 'PX', lease, 'NX')) !== null;
  }
}
