import type { Scope } from '../domain/ami.ts';
import type { CallBudget } from '../aws/ec2/call-budget.ts';
import { callLimit } from '../aws/ec2/call-limits.ts';
import type { RedisClient } from '../redis-client.ts';
import type { StoreKeys } from './keys.ts';
import { storeKeys } from './keys.ts';
import { defineScripts } from './scripts.ts';

/**
 * The {@link CallBudget} that all processes share, in Redis and by its clock. A check takes a fraction of the time of the call
 * itself, and each process learns of the calls that another one was refused. While Redis is away calls are made without a
 * check: EC2 itself still limits them.
 */
export class RedisCallBudget implements CallBudget {
  readonly #redis: RedisClient;
  readonly #keys: StoreKeys;
  readonly #share: number;
  readonly #leaves: number;

  /**
   * @param share this service's part of EC2's limits
   * @param leaves the part of each burst that is left to other users of the limit, from 0 to 1
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
    // A bucket with a burst of one still gives that one call.
    const left = Math.min(burst * this.#leaves, burst - 1);
    return this.#redis.amiferryTakeCall(key, burst, perSecond, left).catch(() => 0);
  }

  async refused(scope: Scope, operation: string): Promise<void> {
    const { burst, perSecond } = callLimit(operation, this.#share);
    const key = this.#keys.calls(scope, operation);
    await this.#redis.amiferryRefusedCall(key, burst, perSecond).catch(() => {});
  }
}
