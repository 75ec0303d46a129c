import { createHash, randomBytes } from 'node:crypto';
import type { RedisClient } from '../redis-client.ts';
import type { Principal } from '../domain/access.ts';
import { storeKeys } from './keys.ts';

/** Seconds for which a browser may read the queues without showing credentials again. */
export const SESSION_SECONDS = 900;

/**
 * Sessions of browsers that read the queues: a browser that opens a page can send a cookie, but no API key or token. A session allows
 * nothing else. Redis has only the hash of its secret. Methods reject with ioredis' errors while Redis is away.
 */
export class QueueSessions {
  readonly #redis: RedisClient;
  readonly #prefix: string;

  constructor(redis: RedisClient, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  /**
   * Opens a session for a principal with the scope `amis:admin`. It ends when the credentials expire, at the latest.
   * @returns its secret, 256 random bits
   */
  async open({ id, credential, expiresAt }: Principal): Promise<string> {
    const secret = randomBytes(32).toString('base64url');
    const left = expiresAt === null ? Infinity : Math.ceil((expiresAt - Date.now()) / 1000);
    const seconds = Math.max(1, Math.min(SESSION_SECONDS, left));
    await this.#redis.set(this.#key(secret), JSON.stringify({ id, credential, expiresAt }), 'EX', seconds);
    return secret;
  }

  /** The principal of a session; `null` if the session is unknown or has ended. */
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
