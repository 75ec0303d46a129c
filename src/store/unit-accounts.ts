import type { UnitAccounts } from '../accounts/accounts.ts';
import type { RedisClient } from '../redis-client.ts';
import { storeKeys } from './keys.ts';

/** Keeps the last list of each organizational unit, for all processes and their restarts. Its methods reject with ioredis' errors. */
export class UnitAccountsStore {
  readonly #redis: RedisClient;
  readonly #key: string;

  constructor(redis: RedisClient, prefix: string) {
    this.#redis = redis;
    this.#key = storeKeys(prefix).unitAccounts;
  }

  /** All lists, by the id of the unit. */
  async read(): Promise<Map<string, UnitAccounts>> {
    const kept = await this.#redis.hgetall(this.#key);
    return new Map(
      Object.entries(kept).map(([unit, text]): [string, UnitAccounts] => [unit, JSON.parse(text)]),
    );
  }

  async write(unit: string, list: UnitAccounts): Promise<void> {
    await this.#redis.hset(this.#key, unit, JSON.stringify(list));
  }
}
