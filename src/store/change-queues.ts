import type { RedisClient } from '../redis-client.ts';
import type { Scope } from '../domain/ami.ts';
import type { StoreKeys } from './keys.ts';
import { WITHDRAWALS } from './scripts.ts';

/** Names a change of permissions: a job of that kind, or the sharing of one copy. */
export interface ChangeRef {
  jobId: string;
  /** `null` for a job of kind `permissions`. */
  destination: string | null;
}

/**
 * The wait queue of each image: the changes of its permissions, in the order in which they are made. A change enters and leaves its
 * queue by the write of its record. Its methods reject with ioredis' errors.
 */
export interface ChangeQueues {
  /** The first change in the wait queue of an image. */
  firstChange(scope: Scope, imageId: string): Promise<ChangeRef | null>;
  /** The changes of an image that were accepted before a withdrawal and have not ended. */
  changesBefore(scope: Scope, imageId: string, withdrawal: ChangeRef): Promise<ChangeRef[]>;
}

/** The {@link ChangeQueues} in Redis. */
export class RedisChangeQueues implements ChangeQueues {
  readonly #redis: RedisClient;
  readonly #keys: StoreKeys;

  constructor(redis: RedisClient, keys: StoreKeys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async firstChange(scope: Scope, imageId: string): Promise<ChangeRef | null> {
    const [first] = await this.#redis.zrange(this.#keys.changeQueue(scope, imageId), 0, '0');
    return first === undefined ? null : parseChange(first);
  }

  async changesBefore(scope: Scope, imageId: string, withdrawal: ChangeRef): Promise<ChangeRef[]> {
    const queue = this.#keys.changeQueue(scope, imageId);
    const place = await this.#redis.zscore(queue, changeMember(withdrawal));
    if (place === null) return [];
    return (await this.#redis.zrangebyscore(queue, 0, Number(place) + WITHDRAWALS)).map(parseChange);
  }
}

/** How a change of permissions is named in the wait queue of its image. */
export function changeMember({ jobId, destination }: ChangeRef): string {
  return destination === null ? jobId : `${jobId} ${destination}`;
}

export function parseChange(member: string): ChangeRef {
  const [jobId = '', destination = null] = member.split(' ');
  return { jobId, destination };
}
