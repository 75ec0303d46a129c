import { createHash, randomBytes } from 'node:crypto';
import type { RedisClient } from '../redis-client.ts';
import type { Principal } from '../domain/access.ts';
import { storeKeys } from './keys.ts';

/** Seconds for which a browser may look at the queues before it has to show credentials again. */
export const SESSION_SECONDS = 900;

/**
 * Sessions of browsers that look at the queues: a browser that is led to a page can send a cookie along, and no key or token. A
 * session is good for nothing else. Redis has the hash of its secret alone. Rejects with ioredis' errors while Redis is away.
 */
export class QueueSessions {
  readonly #redis: RedisClient;
  readonly #prefix: string;

  constructor(redis: RedisClient, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  /** Begins a session of someone who has shown the scope `amis:admin`. @returns its secret, 256 random bits */
  async open({ id, credential }: Principal): Promise<string> {
    const secret = randomBytes(32).toString('base64url');
    await this.#redis.set(this.#key(secret), JSON.stringify({ id, credential }), 'EX', SESSION_SECONDS);
    return secret;
  }

  /** Whose session it is; `null` where it is unknown, or over. */
  async find(secret: string): Promise<Principal | null> {
    const kept = await this.#redis.get(this.#key(secret));
    if (kept === null) return null;
    const { id, credential }: Pick<Principal, 'id' | 'credential'> = JSON.parse(kept);
    return { id, credential, scopes: new Set(['amis:admin']) };
  }

  async close(secret: string): Promise<void> {
    await this.#redis.del(this.#key(secret));
  }

  #key(secret: string): string {
    return storeKeys(this.#prefix).queueSession(createHash('sha256').update(secret).digest('hex'));
  }
}
