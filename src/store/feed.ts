import type { Redis } from 'ioredis';
import type { LoggedEvent } from './store.ts';
import { storeKeys } from './keys.ts';
import { parseLoggedEvent } from './records.ts';

export type FeedListener = (event: LoggedEvent) => void;

interface Listener {
  hear: FeedListener;
  missed: () => void;
}

/**
 * Announces every event of any job as it happens: one subscription for each process, however many listeners. It only says that
 * there is news. Events that were missed while Redis was away are in the record and in the logs.
 */
export class JobFeed {
  readonly #redis: Redis;
  readonly #channel: string;
  readonly #listeners = new Set<Listener>();
  /** Whether the subscription exists: nothing is missed only while it does. */
  #subscribed = false;

  /** `redis` is a connection of its own, because a subscribed connection can't send commands. */
  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#channel = storeKeys(prefix).feed;
    redis.on('message', (_channel, message) => this.#deliver(message));
    redis.on('close', () => (this.#subscribed = false));
  }

  /** Subscribes now, and again after each reconnect. */
  async start(): Promise<void> {
    this.#redis.on('ready', () => void this.#subscribe().catch(() => {}));
    await this.#subscribe();
  }

  /**
   * Adds a listener and returns the function that removes it. `missed` is called whenever the subscription exists again after a
   * break: no event is announced between the break and this call.
   */
  listen(hear: FeedListener, missed: () => void = () => {}): () => void {
    const listener = { hear, missed };
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** ioredis subscribes again by itself, but does not say when that is done. */
  async #subscribe(): Promise<void> {
    await this.#redis.subscribe(this.#channel);
    this.#subscribed = true;
    for (const { missed } of this.#listeners) missed();
  }

  #deliver(message: string): void {
    if (!this.#subscribed || this.#listeners.size === 0) return;
    const event = parseLoggedEvent(message);
    for (const { hear } of this.#listeners) hear(event);
  }
}
