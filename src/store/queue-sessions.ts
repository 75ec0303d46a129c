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

  /**
   * Begins a session of someone who has shown the scope `amis:admin`; it ends with the credentials at the latest.
   * @returns its secret, 256 random bits
   */
  async open({ id, credential, expiresAt }: Principal): Promise<string> {
    const secret = randomBytes(32).toString('base64url');
    const left = expiresAt === null ? Infinity : Math.ceil((expiresAt - Date.now()) / 1000);
    const seconds = Math.max(1, Math.min(SESSION_SECONDS, left));
    await this.#redis.set(this.#key(secret), JSON.stringify({ id, credential, expiresAt }), 'EX', seconds);
    return secret;
  }

  /** Whose session it is; `null` where it is unknown, or over. */
  async find(secret: string): Promise<Principal | null> {
    const kept = await this.#redis.get(this.#key(secret));
    if (kept === null) return null;
    const { id, credential, expiresAt = null }: Omit<Principal, 'scopes'> = JSON.parse(kept);
    return { id, credential, expiresAt, scopes: new Set(['amis:admin']) };
  }

  async close(secret: string): Promise<void> {
    await this.#redis.del(this.#key(secret));
  }

  #key(secret: string): string {
    return storeKeys(this.#prefix).queueSession(createHash('sha256').update(secret).digest('hex'));
  }
}
