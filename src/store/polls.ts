import { randomUUID } from 'node:crypto';
import type { RedisClient } from '../redis-client.ts';
import type { Scope } from '../domain/ami.ts';
import { parseScope, scopeKey } from '../domain/ami.ts';
import type { StoreKeys } from './keys.ts';

/** What a poll needs to know of a pending copy, so that it does not read the job's record. */
export interface PendingCopy {
  imageId: string;
  jobId: string;
  destination: string;
  /** When CopyImage was called, epoch milliseconds. */
  startedAt: number;
  progress: number;
  /** When EC2 will finish it, if its progress stays the same; `null` until that is known. */
  expectedAt: number | null;
  /** Which attempt of the destination it is. */
  attempt: number;
  /** How many of its snapshots the record already knows: their key, and that they have their tags. */
  known: number;
  /** The last polls did not find it, or had no credentials. */
  doubtful?: boolean;
}

/** What a poll read when it began; {@link Polls.postponePoll} compares it. */
export interface Poll {
  pending: PendingCopy[];
  /** When the scope is due again if this poll does not complete, epoch milliseconds. */
  due: number;
}

/** What became of the images that EC2 reported. */
export interface EventHints {
  /** The images that are pending copies in the scope. */
  known: string[];
  /** The name of the poll that will take them. All reports that arrive before it begins get the same name. */
  poll: string;
}

/** When the pending copies of each scope are polled, and which copies those are. Its methods reject with ioredis' errors. */
export interface Polls {
  /** The pending copies of a scope. */
  pending(scope: Scope): Promise<PendingCopy[]>;
  /** Keeps those of the images that EC2 reported which are pending in the scope, for {@link takeEventHints}. */
  keepEventHints(scope: Scope, imageIds: readonly string[]): Promise<EventHints>;
  /** Takes the copies that EC2 has reported since the last call and that are still pending; `null` if it reported none. */
  takeEventHints(scope: Scope): Promise<PendingCopy[] | null>;
  /** Which of these are still pending. */
  stillPending(scope: Scope, imageIds: readonly string[]): Promise<string[]>;
  /** Reads what a poll begins with. */
  beginPoll(scope: Scope): Promise<Poll>;
  /**
   * Postpones the next poll of a scope to a time, epoch milliseconds. It does nothing if an earlier poll than `due` was requested
   * meanwhile, if the number of pending copies is no longer `pending`, or if copies wait for slots.
   */
  postponePoll(scope: Scope, time: number, due: number, pending: number): Promise<void>;
  /** Makes a tracked scope due at a time at the latest, epoch milliseconds. */
  pollBy(scope: Scope, time: number): Promise<void>;
  /** Takes the scopes that are due, and makes them due again after `interval` milliseconds; {@link postponePoll} may postpone that. */
  takeDueScopes(interval: number): Promise<Scope[]>;
  /** Ends the tracking of a scope, if nothing is pending and nothing waits in it. */
  dropIdleScope(scope: Scope): Promise<void>;
}

/** Milliseconds for which reported images are kept if no poll takes them. */
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
    // The due time is read first: an earlier poll that is requested after this read is about a copy that this poll has not seen.
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
