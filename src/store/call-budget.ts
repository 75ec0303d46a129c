import type { Scope } from '../domain/ami.ts';
import type { CallBudget } from '../aws/ec2/call-budget.ts';
import { callLimit } from '../aws/ec2/call-limits.ts';
import type { RedisClient } from '../redis-client.ts';
import type { StoreKeys } from './keys.ts';
import { storeKeys } from './keys.ts';
import { defineScripts } from './scripts.ts';

/**
 * The {@link CallBudget} that all processes share, in Redis and by its clock. Asking it takes a fraction of the time of the call
 * itself, and a refusal that one process meets holds back the others too. While Redis is away every call is allowed: EC2 itself
 * refuses calls over its limit.
 */
export class RedisCallBudget implements CallBudget {
  readonly #redis: RedisClient;
  readonly #keys: StoreKeys;
  readonly #share: number;
  readonly #leaves: number;

  /**
   * @param share the share of EC2's limits that this service may use
   * @param leaves the share of each burst, from 0 to 1, that is left to callers with priority
   */
  constructor(redis: RedisClient, prefix: string, share: number, leaves = 0) {
    defineScripts(redis);
    this.#redis = redis;
    this.#keys = storeKeys(prefix);
    this.#share = share;
    this.#leaves = leaves;
  }

  take(scope: Scope, operation: string): Promise<number> {
    const { burst, perSecond } = callLimit(operation, this.#share);
    const key = this.#keys.calls(scope, operation);
    // At least one call of a small bucket can be taken.
    const left = Math.min(burst * this.#leaves, burst - 1);
    return this.#redis.amiferryTakeCall(key, burst, perSecond, left).catch(() => 0);
  }

  async refused(scope: Scope, operation: string): Promise<void> {
    const { burst, perSecond } = callLimit(operation, this.#share);
    const key = this.#keys.calls(scope, operation);
    await this.#redis.amiferryRefusedCall(key, burst, perSecond).catch(() => {});
  }
}
