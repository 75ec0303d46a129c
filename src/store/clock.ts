import type { RedisClient } from '../redis-client.ts';

/**
 * Redis' clock, which all processes share. So a machine whose own clock is an hour off neither times out copies early nor writes
 * times that run backwards.
 */
export class SharedClock {
  /** Redis' clock minus this machine's, milliseconds. */
  #offset = 0;
  readonly #redis: RedisClient;
  readonly #key: string;

  /** @param key any key of this service: on a cluster it selects the server whose clock is read */
  constructor(redis: RedisClient, key: string) {
    this.#redis = redis;
    this.#key = key;
  }

  /** Epoch milliseconds by the shared clock, as of the last {@link sync}. */
  now(): number {
    return Date.now() + this.#offset;
  }

  /** Reads Redis' TIME, and assumes that it was read in the middle of the round trip. Rejects while Redis is away. */
  async sync(): Promise<void> {
    const sent = Date.now();
    const [seconds, microseconds] = await this.#redis.amiferryTime(this.#key);
    const received = Date.now();
    const redisNow = Number(seconds) * 1000 + Number(microseconds) / 1000;
    this.#offset = Math.round(redisNow - (sent + received) / 2);
  }
}
