import type { FastifyRateLimitStore } from '@fastify/rate-limit';
import type { RedisClient } from '../redis-client.ts';

/** Takes some of a caller's requests of this window. KEYS: the caller's count. ARGV: how many, milliseconds of a window. */
const TAKE = `
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return {count, redis.call('PTTL', KEYS[1])}
`;

/** One process takes this part of what is left at a time: so much may be taken, and then not used, by each. */
const PART = 100;

/** How many callers are remembered; one who is forgotten is counted by Redis again. */
const MOST = 10_000;

/** What a process has of a caller's requests. */
interface Taken {
  /** All that any process had taken in this window, when Redis was last asked. */
  count: number;
  /** How many of those that were taken here are left. */
  left: number;
  /** When the window ends, by this process' clock that only goes forward. */
  ends: number;
}

/** The limits of a route, as the package passes them on. */
export interface Limits {
  path?: string;
  /** How many requests one counts as. */
  cost?: number;
}

type Callback = Parameters<FastifyRateLimitStore['incr']>[1];

/**
 * Counts callers' requests over all processes, for @fastify/rate-limit: a process takes a hundredth of what a caller has left
 * at a time, and so asks Redis once for many requests and not for each. No caller ever gets more than his limit; where he
 * uses several processes in turn, he may get a hundredth less for each.
 */
export class TakenRequests implements FastifyRateLimitStore {
  readonly #redis: RedisClient;
  readonly #keyPrefix: string;
  readonly #taken = new Map<string, Taken>();
  readonly #asking = new Map<string, Promise<void>>();

  constructor(redis: RedisClient, keyPrefix: string) {
    this.#redis = redis;
    this.#keyPrefix = keyPrefix;
  }

  /** Counts one request: `current` is over `max` once there were too many. */
  incr(caller: string, callback: Callback, windowMs: number, max: number): void {
    this.#count(caller, 1, callback, windowMs, max);
  }

  /** The same store, where each request counts as `cost`. */
  child({ cost = 1 }: Limits): FastifyRateLimitStore {
    return {
      incr: (caller, callback, windowMs, max) => this.#count(caller, cost, callback, windowMs, max),
      child: (limits: Limits) => this.child(limits),
    };
  }

  #count(caller: string, cost: number, callback: Callback, windowMs: number, max: number): void {
    const now = performance.now();
    const taken = this.#taken.get(caller);
    if (taken !== undefined && taken.ends > now) {
      const ttl = taken.ends - now;
      if (taken.left >= cost) {
        taken.left -= cost;
        return callback(null, { current: Math.min(taken.count, max), ttl });
      }
      if (taken.count - taken.left + cost > max) return callback(null, { current: max + 1, ttl });
    }
    const again = () => this.#count(caller, cost, callback, windowMs, max);
    this.#takeMore(caller, cost, windowMs, max).then(again, callback);
  }

  /** Requests of one caller that need more at the same time wait for the same answer. */
  #takeMore(caller: string, cost: number, windowMs: number, max: number): Promise<void> {
    const asking = this.#asking.get(caller) ?? this.#ask(caller, cost, windowMs, max);
    this.#asking.set(caller, asking);
    return asking;
  }

  async #ask(caller: string, cost: number, windowMs: number, max: number): Promise<void> {
    const known = this.#taken.get(caller);
    const { count: before = max, left: has = 0 } =
      known !== undefined && known.ends > performance.now() ? known : {};
    const wanted = Math.max(cost - has, Math.floor((max - before) / PART));
    try {
      const answer = await this.#redis.eval(TAKE, 1, this.#keyPrefix + caller, wanted, windowMs);
      const [count = 0, ttl = 0] = Array.isArray(answer) ? answer.map(Number) : [];
      // Of those that were just taken, some may be past the limit.
      const left = has + Math.max(0, Math.min(wanted, max - (count - wanted)));
      this.#keep(caller, { count, left, ends: performance.now() + ttl });
    } finally {
      this.#asking.delete(caller);
    }
  }

  #keep(caller: string, taken: Taken): void {
    this.#taken.delete(caller);
    this.#taken.set(caller, taken);
    const [oldest] = this.#taken.keys();
    if (this.#taken.size > MOST && oldest !== undefined) this.#taken.delete(oldest);
  }
}
