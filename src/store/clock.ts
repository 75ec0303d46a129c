import type { RedisClient } from '../redis-client.ts';

/**
 * One clock for all processes: that of Redis. A machine whose own clock is an hour off then neither ends a copy's deadline
 * early nor writes times that run backwards.
 */
export class SharedClock {
  /** Redis' clock minus this machine's, milliseconds. */
  #offset = 0;
  readonly #redis: RedisClient;
  readonly #key: string;

  /** @param key any of our keys: on a cluster it decides which server's clock is used */
  constructor(redis: RedisClient, key: string) {
    this.#redis = redis;
    this.#key = key;
  }

  /** Epoch milliseconds by the shared clock, with the offset of the last {@link sync}. */
  now(): number {
    return Date.now() + this.#offset;
  }

  /** Reads Redis' TIME, and corrects it by half the round trip. Rejects while Redis is away. */
  async sync(): Promise<void> {
    const sent = Date.now();
    const [seconds, microseconds] = await this.#redis.amiferryTime(this.#key);
    const received = Date.now();
    const redisNow = Number(seconds) * 1000 + Number(microseconds) / 1000;
    this.#offset = Math.round(redisNow - (sent + received) / 2);
  }
}
