import type { Redis } from 'ioredis';
import type { JobEvent } from './store.ts';
import type { JobHappening } from '../domain/job-events.ts';
import { storeKeys } from './keys.ts';

export type FeedListener = (event: JobEvent) => void;

/**
 * Everything that happens to any job, as it happens: one subscription a process, however many listeners. It only
 * tells that there is news. What was missed while Redis was away is in the record and in the job's log.
 */
export class JobFeed {
  readonly #redis: Redis;
  readonly #channel: string;
  readonly #listeners = new Set<FeedListener>();

  /** `redis` is a connection of its own: a subscribed one can do nothing else. */
  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#channel = storeKeys(prefix).feed;
    redis.on('message', (_channel, message) => this.#deliver(message));
  }

  /** Subscribes; ioredis subscribes again by itself after each reconnect. */
  async start(): Promise<void> {
    await this.#redis.subscribe(this.#channel);
  }

  /** Adds a listener and gives the function that removes it. */
  listen(listener: FeedListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #deliver(message: string): void {
    const space = message.indexOf(' ');
    const happening: JobHappening = JSON.parse(message.slice(space + 1));
    const event = { ...happening, id: message.slice(0, space) };
    for (const listener of this.#listeners) listener(event);
  }
}
