import type { Scope } from '../domain/ami.ts';
import type { HoldGiven } from '../domain/holds.ts';
import { parseHoldUser } from '../domain/holds.ts';
import type { RedisClient } from '../redis-client.ts';
import type { IndexCommand } from './indexes.ts';
import type { StoreKeys } from './keys.ts';

/** The holds of one image, for all jobs. */
export interface ImageHolds {
  /** What each account was given, or is about to be given. */
  given: ReadonlyMap<string, HoldGiven>;
  /** The jobs that copy the image into each account and have not got their copy yet. */
  users: ReadonlyMap<string, readonly string[]>;
}

/** What is known of some accounts' holds after a write; `null`: nothing (more) has to be taken back. */
export type HoldChanges = ReadonlyMap<string, HoldGiven | null>;

/**
 * The access that other accounts have to an image for as long as it is copied into them. The users follow from the records of the
 * jobs. What was given is written together with a record, by {@link JobStore.updateIfFirst}. Its methods reject with ioredis' errors.
 */
export interface Holds {
  ofImage(scope: Scope, imageId: string): Promise<ImageHolds>;
}

/** The {@link Holds} in Redis. */
export class RedisHolds implements Holds {
  readonly #redis: RedisClient;
  readonly #keys: StoreKeys;

  constructor(redis: RedisClient, keys: StoreKeys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async ofImage(scope: Scope, imageId: string): Promise<ImageHolds> {
    const [given, members] = await Promise.all([
      this.#redis.hgetall(this.#keys.holds(scope, imageId)),
      this.#redis.smembers(this.#keys.holdUsers(scope, imageId)),
    ]);
    const users = new Map<string, string[]>();
    for (const { account, jobId } of members.toSorted().map(parseHoldUser))
      users.set(account, [...(users.get(account) ?? []), jobId]);
    const entries = Object.entries(given).map(([account, text]): [string, HoldGiven] => [
      account,
      JSON.parse(text),
    ]);
    return { given: new Map(entries), users };
  }
}

/** The commands that write some holds of an image. */
export function holdCommands(
  keys: StoreKeys,
  scope: Scope,
  imageId: string,
  changes: HoldChanges,
): IndexCommand[] {
  const key = keys.holds(scope, imageId);
  return [...changes].map(([account, given]) =>
    given === null ? ['HDEL', key, account] : ['HSET', key, account, JSON.stringify(given)],
  );
}
