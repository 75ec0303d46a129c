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
 * The events of all jobs, as they happen: one subscription for each process, for any number of listeners. Events are lost while Redis is
 * away; listeners find them in the record and in the event logs.
 */
export class JobFeed {
  readonly #redis: Redis;
  readonly #channel: string;
  readonly #listeners = new Set<Listener>();
  /** While it is false, events are missed. */
  #subscribed = false;

  /** @param redis a connection of its own: a subscribed connection can do nothing else */
  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#channel = storeKeys(prefix).feed;
    redis.on('message', (_channel, message) => this.#deliver(message));
    redis.on('close', () => (this.#subscribed = false));
  }

  /** Subscribes, and again after each reconnect. */
  async start(): Promise<void> {
    this.#redis.on('ready', () => void this.#subscribe().catch(() => {}));
    await this.#subscribe();
  }

  /**
   * Adds a listener and returns the function that removes it. `missed` is called when the subscription is restored after a break: between
   * the break and this call no events arrive.
   */
  listen(hear: FeedListener, missed: () => void = () => {}): () => void {
    const listener = { hear, missed };
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** ioredis restores subscriptions by itself, but does not report when that is done. */
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
