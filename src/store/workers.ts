import type { RedisClient } from '../redis-client.ts';
import { storeKeys } from './keys.ts';
import { defineScripts } from './scripts.ts';

/** Milliseconds between two heartbeats of a worker, and after the last one until the worker no longer counts as running. */
export const HEARTBEAT_MS = 5000;
const ALIVE_MS = 20_000;

/** Milliseconds for which {@link Workers.isAnyRunning} reuses its last answer. */
const FRESH_MS = 1000;

/** The worker processes that run. Each sends a heartbeat to Redis every few seconds; Redis' clock decides which heartbeats are too old. */
export class Workers {
  readonly #redis: RedisClient;
  readonly #key: string;
  readonly #aliveMs: number;
  readonly #freshMs: number;
  #known: { at: number; running: Promise<boolean> } | undefined;

  constructor(redis: RedisClient, prefix: string, { aliveMs = ALIVE_MS, freshMs = FRESH_MS } = {}) {
    defineScripts(redis);
    this.#redis = redis;
    this.#key = storeKeys(prefix).workers;
    this.#aliveMs = aliveMs;
    this.#freshMs = freshMs;
  }

  /** Sends a heartbeat of a worker that takes steps. Rejects with ioredis' errors while Redis is away. @param id names its process */
  async beat(id: string): Promise<void> {
    await this.#redis.amiferryBeat(this.#key, id, this.#aliveMs);
  }

  /** Removes a worker that takes no more steps. Rejects with ioredis' errors while Redis is away. */
  async leave(id: string): Promise<void> {
    await this.#redis.zrem(this.#key, id);
  }

  /** The number of workers that run now. Rejects with ioredis' errors while Redis is away. */
  count(): Promise<number> {
    return this.#redis.amiferryCountWorkers(this.#key, this.#aliveMs);
  }

  /** Whether any worker runs; the answer may be a second old. `true` if Redis does not answer, because then nothing is known. */
  isAnyRunning(): Promise<boolean> {
    const now = performance.now();
    if (this.#known === undefined || now - this.#known.at >= this.#freshMs) {
      const running = this.count().then(
        (count) => count > 0,
        () => true,
      );
      this.#known = { at: now, running };
    }
    return this.#known.running;
  }
}
