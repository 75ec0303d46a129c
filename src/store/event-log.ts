import type { RedisClient } from '../redis-client.ts';
import type { StoreKeys } from './keys.ts';
import { storeKeys } from './keys.ts';
import { parseHappening } from './records.ts';
import type { JobEvent } from './store.ts';

/** The ids of the oldest and of the newest event that a log still has. */
export interface LogSpan {
  first: string;
  last: string;
}

/** Names a log: that of one job, or the one of all jobs, which keeps about the last 10,000 events. */
export type LogName = { jobId: string } | 'all';

/**
 * What happened, as Redis streams keep it. The id of an event is its time and a number, it rises within its log, and
 * it is another one in the log of its job than in that of all jobs. Rejects with ioredis' errors while Redis is away.
 */
export class EventLog {
  readonly #redis: RedisClient;
  readonly #keys: StoreKeys;

  constructor(redis: RedisClient, prefix: string) {
    this.#redis = redis;
    this.#keys = storeKeys(prefix);
  }

  /** The events after an id (`0` is before all), oldest first, at most `limit`. */
  async read(log: LogName, after: string, limit: number): Promise<JobEvent[]> {
    const entries = await this.#redis.xrange(this.#key(log), `(${after}`, '+', 'COUNT', limit);
    return entries.map(([id, [, json = '']]) => ({ ...parseHappening(json), id }));
  }

  /** `null` while nothing is logged. */
  async span(log: LogName): Promise<LogSpan | null> {
    const key = this.#key(log);
    const [[oldest], [newest]] = await Promise.all([
      this.#redis.xrange(key, '-', '+', 'COUNT', 1),
      this.#redis.xrevrange(key, '+', '-', 'COUNT', 1),
    ]);
    return oldest === undefined || newest === undefined ? null : { first: oldest[0], last: newest[0] };
  }

  #key(log: LogName): string {
    return log === 'all' ? this.#keys.allEvents : this.#keys.events(log.jobId);
  }
}

/** Negative, zero or positive, as for sorting: which of two event ids comes first. */
export function compareEventIds(one: string, other: string): number {
  const [time = 0, number = 0] = one.split('-').map(Number);
  const [otherTime = 0, otherNumber = 0] = other.split('-').map(Number);
  return time - otherTime || number - otherNumber;
}
