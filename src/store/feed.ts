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
 * Everything that happens to any job, as it happens: one subscription a process, however many listeners. It only
 * tells that there is news. What was missed while Redis was away is in the record and in the logs.
 */
export class JobFeed {
  readonly #redis: Redis;
  readonly #channel: string;
  readonly #listeners = new Set<Listener>();
  /** Only then is nothing missed. */
  #subscribed = false;

  /** `redis` is a connection of its own: a subscribed one can do nothing else. */
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
   * Adds a listener and gives the function that removes it. `missed` is called whenever the subscription is there
   * again after a break: nothing is heard between the break and this call.
   */
  listen(hear: FeedListener, missed: () => void = () => {}): () => void {
    const listener = { hear, missed };
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** ioredis subscribes again by itself, but doesn't tell when that is done. */
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
