import { randomUUID } from 'node:crypto';
import type { RedisClient } from '../redis-client.ts';
import type { Scope } from '../domain/ami.ts';
import { parseScope, scopeKey } from '../domain/ami.ts';
import type { StoreKeys } from './keys.ts';

/** A pending copy with the fields that a poll needs, without its job's record. */
export interface PendingCopy {
  imageId: string;
  jobId: string;
  destination: string;
  /** When CopyImage was called, epoch milliseconds. */
  startedAt: number;
  progress: number;
  /** Its expected end at its progress so far; `null` while that is unknown. */
  expectedAt: number | null;
  /** Which attempt of the destination it is. */
  attempt: number;
  /** The snapshots about which the record has what only they show (their key, and that they have their tags): how many. */
  known: number;
  /** The last polls did not find it, or had no credentials. */
  doubtful?: boolean;
}

/** The state of a scope when a poll began. Postponing the next poll compares with it. */
export interface Poll {
  pending: PendingCopy[];
  /** When the scope is due again if the poll does not postpone it. */
  due: number;
}

/** The result of an event hint. */
export interface EventHints {
  /** The images whose copies are pending in the scope. */
  known: string[];
  /** Names the poll that will take the hints: all hints that are added before that poll begins get the same name. */
  poll: string;
}

/** The poll times of each scope, and its pending copies. The methods reject with ioredis' errors. */
export interface Polls {
  /** The copies in a scope that EC2 works on. */
  pending(scope: Scope): Promise<PendingCopy[]>;
  /** EC2 has reported images of a scope: the images that are pending there are kept for {@link takeEventHints}. */
  keepEventHints(scope: Scope, imageIds: readonly string[]): Promise<EventHints>;
  /** Takes the hints: the copies that EC2 has reported since the last call and that are still pending; `null` without any hint. */
  takeEventHints(scope: Scope): Promise<PendingCopy[] | null>;
  /** The copies among these that are still pending. */
  stillPending(scope: Scope, imageIds: readonly string[]): Promise<string[]>;
  /** The state of the scope at the begin of a poll. */
  beginPoll(scope: Scope): Promise<Poll>;
  /**
   * Postpones the next poll of a scope until a time, epoch milliseconds. It does not, if an earlier poll was requested since
   * `due`, if the number of pending copies differs from the given one, or if copies wait for slots.
   */
  postponePoll(scope: Scope, time: number, due: number, pending: number): Promise<void>;
  /** Makes the next poll of a tracked scope due at this time, epoch milliseconds, if it is not due earlier. */
  pollBy(scope: Scope, time: number): Promise<void>;
  /** Takes the scopes whose poll is due. Each is due again after `interval` milliseconds, unless {@link postponePoll} postpones it. */
  takeDueScopes(interval: number): Promise<Scope[]>;
  /** Removes a scope with nothing pending and nothing waiting from the tracked ones. */
  dropIdleScope(scope: Scope): Promise<void>;
}

/** For how long an event hint is kept if no poll takes it, milliseconds. */
const HINTS_KEPT_FOR = 3_600_000;

/** The {@link Polls} in Redis. `now` is the shared clock, epoch milliseconds. */
export class RedisPolls implements Polls {
  readonly #redis: RedisClient;
  readonly #keys: StoreKeys;
  readonly #now: () => number;

  constructor(redis: RedisClient, keys: StoreKeys, now: () => number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#now = now;
  }

  async pending(scope: Scope): Promise<PendingCopy[]> {
    const all = await this.#redis.hgetall(this.#keys.pending(scope));
    return Object.entries(all).map(([imageId, json]) => ({ ...parsePending(json), imageId }));
  }

  async keepEventHints(scope: Scope, imageIds: readonly string[]): Promise<EventHints> {
    const { pending, eventHints } = this.#keys;
    const [poll = '', ...known] = await this.#redis.amiferryHint(
      pending(scope),
      eventHints(scope),
      randomUUID(),
      HINTS_KEPT_FOR,
      ...imageIds,
    );
    return { known, poll };
  }

  async takeEventHints(scope: Scope): Promise<PendingCopy[] | null> {
    const { pending, eventHints } = this.#keys;
    const flat = await this.#redis.amiferryTakeEventHints(eventHints(scope), pending(scope));
    if (flat === null) return null;
    return flat.flatMap((imageId, i) =>
      i % 2 === 0 ? [{ ...parsePending(flat[i + 1] ?? ''), imageId }] : [],
    );
  }

  async stillPending(scope: Scope, imageIds: readonly string[]): Promise<string[]> {
    if (imageIds.length === 0) return [];
    const found = await this.#redis.hmget(this.#keys.pending(scope), ...imageIds);
    return imageIds.filter((_, i) => found[i] !== null);
  }

  async beginPoll(scope: Scope): Promise<Poll> {
    // In this order: an earlier poll that is requested after this read is about a copy that this poll has not seen.
    const due = await this.#redis.zscore(this.#keys.scopes, scopeKey(scope));
    return { pending: await this.pending(scope), due: Number(due) };
  }

  async postponePoll(scope: Scope, time: number, due: number, count: number): Promise<void> {
    const { scopes, pending, waiting, waitingTimed } = this.#keys;
    const keys = [scopes, pending(scope), waiting(scope), waitingTimed(scope)] as const;
    await this.#redis.amiferryPostponePoll(...keys, scopeKey(scope), time, due, count);
  }

  async pollBy(scope: Scope, time: number): Promise<void> {
    await this.#redis.zadd(this.#keys.scopes, 'XX', 'LT', time, scopeKey(scope));
  }

  async takeDueScopes(interval: number): Promise<Scope[]> {
    const now = this.#now();
    const due = await this.#redis.amiferryTakeDue(this.#keys.scopes, now, now + interval);
    return due.map(parseScope);
  }

  async dropIdleScope(scope: Scope): Promise<void> {
    const { scopes, pending, waiting, waitingTimed } = this.#keys;
    const keys = [scopes, pending(scope), waiting(scope), waitingTimed(scope)] as const;
    await this.#redis.amiferryDropIdle(...keys, scopeKey(scope));
  }
}

function parsePending(json: string): Omit<PendingCopy, 'imageId'> {
  const pending: Omit<PendingCopy, 'imageId'> = JSON.parse(json);
  return pending;
}
