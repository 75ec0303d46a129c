import { randomUUID } from 'node:crypto';
import type { RedisClient } from '../redis-client.ts';
import type { Scope } from '../domain/ami.ts';
import { parseScope, scopeKey } from '../domain/ami.ts';
import type { StoreKeys } from './keys.ts';

/** A pending copy as its region's tracking sees it, without reading the job's record. */
export interface PendingCopy {
  imageId: string;
  jobId: string;
  destination: string;
  /** When CopyImage was called, epoch milliseconds. */
  startedAt: number;
  progress: number;
  /** When EC2 will be done with it, if it goes on as it did; `null` while nothing tells. */
  expectedAt: number | null;
  /** Which attempt of the destination it is. */
  attempt: number;
  /** Of how many snapshots its record already has what only they tell: their key, and that they have their tags. */
  known: number;
  /** The last polls did not find it, or had no credentials. */
  doubtful?: boolean;
}

/** A poll of a scope's copies, as it began: what it may be postponed by. */
export interface Poll {
  pending: PendingCopy[];
  /** When the scope was due again, should nothing come of the poll. */
  due: number;
}

/** What became of images that EC2 reported. */
export interface EventHints {
  /** Those whose copies are under way in the scope. */
  known: string[];
  /** Names the poll that will take them: all that add to the same poll before it begins get the same name. */
  poll: string;
}

/** When the pending copies of each scope are polled, and which copies those are. Its methods reject with ioredis' errors. */
export interface Polls {
  /** Copies that EC2 works on in a scope. */
  pending(scope: Scope): Promise<PendingCopy[]>;
  /** EC2 has reported images of a scope: those that are pending there are kept for {@link takeEventHints}. */
  keepEventHints(scope: Scope, imageIds: readonly string[]): Promise<EventHints>;
  /** The copies that EC2 has reported since this was last asked and that are still pending; `null` if it told of none. */
  takeEventHints(scope: Scope): Promise<PendingCopy[] | null>;
  /** Which of these are still pending. */
  stillPending(scope: Scope, imageIds: readonly string[]): Promise<string[]>;
  /** What a poll begins with. */
  beginPoll(scope: Scope): Promise<Poll>;
  /**
   * Postpones the next poll of a scope until then, epoch milliseconds: unless an earlier one was asked for since
   * `due`, others are pending there than these many, or copies wait for their slots.
   */
  postponePoll(scope: Scope, time: number, due: number, pending: number): Promise<void>;
  /** A scope that is tracked is polled by then, epoch milliseconds, if not earlier. */
  pollBy(scope: Scope, time: number): Promise<void>;
  /** Scopes whose tracking is due, and from then on due again after `interval` milliseconds, unless {@link postponePoll}. */
  takeDueScopes(interval: number): Promise<Scope[]>;
  /** Drops a scope with nothing pending and nothing waiting from the tracking. */
  dropIdleScope(scope: Scope): Promise<void>;
}

/** For how long an image that EC2 reported is kept for a poll that does not come, milliseconds. */
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
    // In this order: a request for an earlier poll after this one is about a copy that this one has not seen.
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
