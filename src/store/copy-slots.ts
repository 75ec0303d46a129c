import type { CallLimit } from '../aws/ec2/call-limits.ts';
import type { RedisClient } from '../redis-client.ts';
import type { Scope } from '../domain/ami.ts';
import { parseScope, scopeKey } from '../domain/ami.ts';
import type { StoreKeys } from './keys.ts';

/** Names one destination of one job. */
export interface DestinationRef {
  jobId: string;
  destination: string;
}

/** The limits of a scope: copies at once, and calls of CopyImage. */
export interface StartLimits {
  copySlots: number;
  calls: CallLimit;
}

/**
 * The copy slots of each scope, and the destinations that wait for one. A slot is taken and freed by the write of the record
 * ({@link JobStore.updateWithSlots}). Its methods reject with ioredis' errors.
 */
export interface CopySlots {
  /** Scopes in which copies wait for slots. */
  scopesWithWaiting(): Promise<Scope[]>;
  /** The first destinations in the wait queue of a scope, in order: as many as may start, by free slots and by calls. */
  nextWaiting(scope: Scope, limits: StartLimits): Promise<DestinationRef[]>;
  /**
   * EC2 accepted a copy and then gave it up for lack of capacity. For an hour, the limit of copies at once in the scope is the number
   * that is still running, or `told` if EC2 named its limit and that is lower.
   */
  learnLimit(scope: Scope, told: number | null): Promise<void>;
  /**
   * EC2 said that the scope is full, for all copies or for time-based ones. Those get no slot for so many milliseconds, or until one of
   * them ends.
   */
  markFull(scope: Scope, milliseconds: number, which?: 'all' | 'time-based'): Promise<void>;
}

/** Milliseconds for which a limit that EC2 has shown applies. */
const LIMIT_FOR = 3_600_000;

/** The {@link CopySlots} in Redis. */
export class RedisCopySlots implements CopySlots {
  readonly #redis: RedisClient;
  readonly #keys: StoreKeys;

  constructor(redis: RedisClient, keys: StoreKeys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async scopesWithWaiting(): Promise<Scope[]> {
    return (await this.#redis.smembers(this.#keys.waitQueues)).map(parseScope);
  }

  async nextWaiting(scope: Scope, { copySlots, calls }: StartLimits): Promise<DestinationRef[]> {
    const keys = this.#keys;
    const members = await this.#redis.amiferryNextWaiting(
      keys.slots(scope),
      keys.waiting(scope),
      keys.waitingTimed(scope),
      keys.full(scope),
      keys.fullTimed(scope),
      keys.limit(scope),
      keys.calls(scope, 'CopyImage'),
      keys.waitQueues,
      copySlots,
      calls.burst,
      calls.perSecond,
      scopeKey(scope),
    );
    return members.map(parseSlotMember);
  }

  async learnLimit(scope: Scope, told: number | null): Promise<void> {
    const { slots, limit } = this.#keys;
    await this.#redis.amiferryLearnLimit(
      slots(scope),
      limit(scope),
      told ?? Number.MAX_SAFE_INTEGER,
      LIMIT_FOR,
    );
  }

  async markFull(scope: Scope, milliseconds: number, which = 'all'): Promise<void> {
    const { full, fullTimed } = this.#keys;
    const key = which === 'all' ? full(scope) : fullTimed(scope);
    await this.#redis.set(key, '1', 'PX', milliseconds);
  }
}

/** The member that names a destination in the sets of slots and in the wait queues. */
export function slotMember({ jobId, destination }: DestinationRef): string {
  return `${jobId} ${destination}`;
}

export function parseSlotMember(member: string): DestinationRef {
  const [jobId = '', destination = ''] = member.split(' ');
  return { jobId, destination };
}
