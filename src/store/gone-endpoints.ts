import { createHash } from 'node:crypto';
import type { RedisClient } from '../redis-client.ts';
import { storeKeys } from './keys.ts';

/** Milliseconds for which nothing is sent to an endpoint that answered 410 Gone. */
const GONE_MS = 30 * 86_400_000;

/** Webhook endpoints that answered 410 Gone. Methods reject with ioredis' errors while Redis is away. */
export class GoneEndpoints {
  readonly #redis: RedisClient;
  readonly #prefix: string;

  constructor(redis: RedisClient, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  async add(url: string): Promise<void> {
    await this.#redis.set(this.#key(url), '1', 'PX', GONE_MS);
  }

  /** The endpoint accepted a message again. */
  async remove(url: string): Promise<void> {
    await this.#redis.del(this.#key(url));
  }

  async has(url: string): Promise<boolean> {
    return (await this.#redis.exists(this.#key(url))) === 1;
  }

  /** The key has a hash of the URL, which may contain a token: Redis keys show up in logs and tools. */
  #key(url: string): string {
    return storeKeys(this.#prefix).goneEndpoint(createHash('sha256').update(url).digest('hex'));
  }
}
