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

/** What a scope has for copies: how many at once, and calls of CopyImage. */
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
  /** The next of those that wait in a scope, in order: as many as there are both free slots and calls. */
  nextWaiting(scope: Scope, limits: StartLimits): Promise<DestinationRef[]>;
  /**
   * EC2 gave up a copy that it had accepted, for lack of room: for an hour no more copies are made there at once than are
   * left, or than `told`, where EC2 told its limit and it is less.
   */
  learnLimit(scope: Scope, told: number | null): Promise<void>;
  /** EC2 says that the scope is full, at least for one kind of copies: those get no slot for so long, unless one is freed. */
  markFull(scope: Scope, milliseconds: number, which?: 'all' | 'time-based'): Promise<void>;
}

/** For how long a limit of copies at once that EC2 showed is kept to, milliseconds. */
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

/** A destination as the sets of slots and wait queues name it. */
export function slotMember({ jobId, destination }: DestinationRef): string {
  return `${jobId} ${destination}`;
}

export function parseSlotMember(member: string): DestinationRef {
  const [jobId = '', destination = ''] = member.split(' ');
  return { jobId, destination };
}
