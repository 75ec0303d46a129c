import type { Job } from '../domain/job.ts';
import type { WakeUp } from '../domain/next-step.ts';
import { newlyDue } from '../domain/next-step.ts';
import type { RedisClient } from '../redis-client.ts';
import type { IndexCommand } from './indexes.ts';
import type { StoreKeys } from './keys.ts';
import { storeKeys } from './keys.ts';

/** A wake-up, and since when it lies there, epoch milliseconds. */
interface Entry extends Record<string, unknown> {
  since: number;
  wakeUp: WakeUp;
}

/** Seconds for which {@link Outbox.take} waits for the first one. */
const PATIENCE = 1;

/**
 * Leaves what a write made due in the outbox, in the script that writes the record: the writer needs
 * no further round trip, and no queue.
 */
export function outboxCommands(
  keys: StoreKeys,
  before: Job | null,
  after: Job | null,
  now: number,
): IndexCommand[] {
  if (after === null) return [];
  const entries = newlyDue(before, after, now).map((due): Entry => {
    return { since: now, wakeUp: { ...due, jobId: after.id } };
  });
  if (entries.length === 0) return [];
  return [['RPUSH', keys.outbox, ...entries.map((entry) => JSON.stringify(entry))]];
}

/**
 * Wake-ups that writes have left, until a worker takes them to the queue. It is no more than a hint: what is lost of it
 * the sweeper replaces, as it does for the queue itself.
 */
export class Outbox {
  readonly #redis: RedisClient;
  readonly #key: string;

  constructor(redis: RedisClient, prefix: string) {
    this.#redis = redis;
    this.#key = storeKeys(prefix).outbox;
  }

  /** The oldest, at most so many; waits for the first one for a second. Blocks its connection meanwhile. */
  async take(limit: number): Promise<WakeUp[]> {
    const taken = await this.#redis.blmpop(PATIENCE, 1, this.#key, 'LEFT', 'COUNT', limit);
    return (taken?.[1] ?? []).map((json) => parseEntry(json).wakeUp);
  }

  /** How many there are, and since when the oldest has lain there (epoch milliseconds; `null` where there is none). */
  async depth(): Promise<{ waiting: number; since: number | null }> {
    const [waiting, oldest] = await Promise.all([
      this.#redis.llen(this.#key),
      this.#redis.lindex(this.#key, 0),
    ]);
    return { waiting, since: oldest === null ? null : parseEntry(oldest).since };
  }
}

function parseEntry(json: string): Entry {
  const entry: Entry = JSON.parse(json);
  return entry;
}
