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

/** The limits of copies in a scope: concurrent copies, and calls of CopyImage. */
export interface StartLimits {
  copySlots: number;
  calls: CallLimit;
}

/**
 * The copy slots of each scope, and the destinations that wait for one. The write of a record also takes or frees its slots
 * ({@link JobStore.updateWithSlots}). The methods reject with ioredis' errors.
 */
export interface CopySlots {
  /** Scopes in which copies wait for slots. */
  scopesWithWaiting(): Promise<Scope[]>;
  /** The next waiting destinations of a scope, in order: as many as there are both free slots and calls. */
  nextWaiting(scope: Scope, limits: StartLimits): Promise<DestinationRef[]>;
  /**
   * EC2 gave up a copy that it had accepted, for lack of room. For an hour no more concurrent copies are made there than the
   * remaining ones, or than `told`, where EC2 stated its limit and it is lower.
   */
  learnLimit(scope: Scope, told: number | null): Promise<void>;
  /**
   * EC2 says that the scope is full, at least for one kind of copies: copies of that kind get no slot for so long, unless one
   * is freed.
   */
  markFull(scope: Scope, milliseconds: number, which?: 'all' | 'time-based'): Promise<void>;
}

/** For how long a limit of concurrent copies that EC2 stated or showed is applied, milliseconds. */
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

/** A destination as a member of the sets of slots and of the wait queues. */
export function slotMember({ jobId, destination }: DestinationRef): string {
  return `${jobId} ${destination}`;
}

export function parseSlotMember(member: string): DestinationRef {
  const [jobId = '', destination = ''] = member.split(' ');
  return { jobId, destination };
}
