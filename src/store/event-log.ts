import type { RedisClient } from '../redis-client.ts';
import type { StoreKeys } from './keys.ts';
import { storeKeys } from './keys.ts';
import { parseLoggedEvent, parseJobEvent } from './records.ts';
import { defineScripts } from './scripts.ts';
import type { LoggedEvent } from './store.ts';

/** The ids of the oldest and of the newest event that a log still has. */
export interface LogSpan {
  first: string;
  last: string;
}

/** Names a log: that of one job, or the one of all jobs, which keeps about the last 10,000 events. */
export type LogName = { jobId: string } | 'all';

/**
 * The events of jobs: a Redis stream has those of all jobs, and a list has those of each job. (A stream for each job would take 4 KB.)
 * The id of an event consists of its time and a number. It is the same in both logs, and increases. Methods reject with ioredis' errors
 * while Redis is away.
 */
export class EventLog {
  readonly #redis: RedisClient;
  readonly #keys: StoreKeys;

  constructor(redis: RedisClient, prefix: string) {
    defineScripts(redis);
    this.#redis = redis;
    this.#keys = storeKeys(prefix);
  }

  /** The events after an id (`0` is before all), oldest first, at most `limit`. */
  async read(log: LogName, after: string, limit: number): Promise<LoggedEvent[]> {
    if (log !== 'all') {
      const key = this.#keys.log(log.jobId);
      return (await this.#redis.amiferryReadLog(key, ...numbersOf(after), limit)).map(parseLoggedEvent);
    }
    const entries = await this.#redis.xrange(this.#keys.allEvents, `(${after}`, '+', 'COUNT', limit);
    return entries.map(([id, [, json = '']]) => ({ ...parseJobEvent(json), id }));
  }

  /** `null` while the log is empty. */
  async span(log: LogName): Promise<LogSpan | null> {
    const [first, last] = await (log === 'all' ? this.#endsOfAll() : this.#endsOf(log.jobId));
    return first === undefined || last === undefined ? null : { first, last };
  }

  async #endsOf(jobId: string): Promise<(string | undefined)[]> {
    const key = this.#keys.log(jobId);
    const ends = await Promise.all([this.#redis.lindex(key, 0), this.#redis.lindex(key, -1)]);
    return ends.map((entry) => (entry === null ? undefined : parseLoggedEvent(entry).id));
  }

  async #endsOfAll(): Promise<(string | undefined)[]> {
    const key = this.#keys.allEvents;
    const [[oldest], [newest]] = await Promise.all([
      this.#redis.xrange(key, '-', '+', 'COUNT', 1),
      this.#redis.xrevrange(key, '+', '-', 'COUNT', 1),
    ]);
    return [oldest?.[0], newest?.[0]];
  }
}

/** Negative, zero or positive, as for sorting: which of two event ids comes first. */
export function compareEventIds(one: string, other: string): number {
  const [time, number] = numbersOf(one);
  const [otherTime, otherNumber] = numbersOf(other);
  return time - otherTime || number - otherNumber;
}

function numbersOf(id: string): [time: number, number: number] {
  const [time = 0, number = 0] = id.split('-').map(Number);
  return [time, number];
}
