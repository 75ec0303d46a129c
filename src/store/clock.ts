import type { RedisClient } from '../redis-client.ts';

/**
 * One clock for all processes: Redis' own. A machine whose clock is an hour off then neither times a copy out early
 * nor writes times that run backwards.
 */
export class SharedClock {
  /** Redis' clock minus this machine's, milliseconds. */
  #offset = 0;
  readonly #redis: RedisClient;
  readonly #key: string;

  /** @param key any of ours: on a cluster it tells which server's clock it is */
  constructor(redis: RedisClient, key: string) {
    this.#redis = redis;
    this.#key = key;
  }

  /** Epoch milliseconds by the shared clock, as of the last {@link sync}. */
  now(): number {
    return Date.now() + this.#offset;
  }

  /** Reads Redis' TIME; half the round trip is taken off. Rejects while Redis is away. */
  async sync(): Promise<void> {
    const sent = Date.now();
    const [seconds, microseconds] = await this.#redis.amiferryTime(this.#key);
    const received = Date.now();
    const redisNow = Number(seconds) * 1000 + Number(microseconds) / 1000;
    this.#offset = Math.round(redisNow - (sent + received) / 2);
  }
}
