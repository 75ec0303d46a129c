import type { Delivery, Message } from '../domain/delivery.ts';
import type { Job } from '../domain/job.ts';
import type { WakeUp } from '../domain/next-step.ts';
import { deliveryStep } from '../domain/next-step.ts';
import type { DeliveryChange } from '../domain/webhooks.ts';
import { deliveriesKept } from '../domain/webhooks.ts';
import type { RedisClient } from '../redis-client.ts';
import type { IndexCommand } from './indexes.ts';
import type { StoreKeys } from './keys.ts';

/** A delivery as it was read, with its text, which a later write compares. */
export interface StoredDelivery {
  delivery: Delivery;
  text: string;
}

/** The webhook deliveries of all jobs. A try changes its delivery, not the job's record. Its methods reject with ioredis' errors. */
export interface Deliveries {
  /** The deliveries of each of these jobs that are kept, by number. */
  ofJobs(jobIds: readonly string[]): Promise<Map<string, Delivery[]>>;
  /** A delivery with its message; `null` where the job or the delivery is not kept. */
  message(jobId: string, n: number): Promise<Message | null>;
  /** Changes a delivery. Returns it, or `null` where it is not kept or the change does not apply. */
  change(jobId: string, n: number, change: DeliveryChange): Promise<Delivery | null>;
  /** The tries that are due by a time, epoch milliseconds. */
  due(by: number): Promise<WakeUp[]>;
}

/** The {@link Deliveries} in Redis. `now` is the shared clock, epoch milliseconds. */
export class RedisDeliveries implements Deliveries {
  readonly #redis: RedisClient;
  readonly #keys: StoreKeys;
  readonly #now: () => number;

  constructor(redis: RedisClient, keys: StoreKeys, now: () => number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#now = now;
  }

  async ofJobs(jobIds: readonly string[]): Promise<Map<string, Delivery[]>> {
    const all = await Promise.all(jobIds.map((id) => this.#redis.hvals(this.#keys.deliveries(id))));
    const sorted = all.map((texts) => texts.map(parseDelivery).toSorted((a, b) => a.n - b.n));
    return new Map(jobIds.map((id, i) => [id, sorted[i] ?? []]));
  }

  async message(jobId: string, n: number): Promise<Message | null> {
    const [text, body] = await Promise.all([
      this.#redis.hget(this.#keys.deliveries(jobId), String(n)),
      this.#redis.hget(this.#keys.messages(jobId), String(n)),
    ]);
    return text === null || body === null ? null : { delivery: parseDelivery(text), body };
  }

  /** As it is stored, for a write that compares it. */
  async read(jobId: string, n: number): Promise<StoredDelivery | null> {
    const text = await this.#redis.hget(this.#keys.deliveries(jobId), String(n));
    return text === null ? null : { delivery: parseDelivery(text), text };
  }

  async change(jobId: string, n: number, change: DeliveryChange): Promise<Delivery | null> {
    for (;;) {
      const known = await this.read(jobId, n);
      const changed = known === null ? null : change(known.delivery, this.#now());
      if (known === null || changed === null) return null;
      const written = await this.#redis.amiferryChangeDelivery(
        this.#keys.deliveries(jobId),
        this.#keys.deliveriesDue,
        n,
        known.text,
        JSON.stringify(changed),
        dueMember(jobId, n),
        changed.nextAt ?? '',
      );
      if (written === 1) return changed;
    }
  }

  async due(by: number): Promise<WakeUp[]> {
    const flat = await this.#redis.zrange(
      this.#keys.deliveriesDue,
      '-inf',
      String(by),
      'BYSCORE',
      'WITHSCORES',
    );
    return flat.flatMap((member, i) => (i % 2 === 0 ? [wakeUp(member, Number(flat[i + 1]))] : []));
  }
}

/** The commands that write new messages of a job, and drop its oldest ones beyond the number that is kept. */
export function messageCommands(keys: StoreKeys, job: Job, messages: readonly Message[]): IndexCommand[] {
  const dropped = messages.map(({ delivery }) => delivery.n - deliveriesKept(job)).filter((n) => n > 0);
  return [
    ...messages.flatMap(({ delivery, body }): IndexCommand[] => [
      ...deliveryCommands(keys, job.id, delivery),
      ['HSET', keys.messages(job.id), delivery.n, body],
    ]),
    ...dropped.flatMap((n): IndexCommand[] => [
      ['HDEL', keys.deliveries(job.id), n],
      ['HDEL', keys.messages(job.id), n],
      ['ZREM', keys.deliveriesDue, dueMember(job.id, n)],
    ]),
  ];
}

/** The commands that write a pending delivery. */
export function deliveryCommands(keys: StoreKeys, jobId: string, delivery: Delivery): IndexCommand[] {
  return [
    ['HSET', keys.deliveries(jobId), delivery.n, JSON.stringify(delivery)],
    ['ZADD', keys.deliveriesDue, delivery.nextAt ?? 0, dueMember(jobId, delivery.n)],
  ];
}

/** The commands that delete what is kept of a job's deliveries. None of them is pending. */
export function forgetDeliveries(keys: StoreKeys, jobId: string): IndexCommand[] {
  return [
    ['DEL', keys.deliveries(jobId)],
    ['DEL', keys.messages(jobId)],
  ];
}

function dueMember(jobId: string, n: number): string {
  return `${jobId}/${n}`;
}

function wakeUp(member: string, at: number): WakeUp {
  const slash = member.lastIndexOf('/');
  return deliveryStep(member.slice(0, slash), Number(member.slice(slash + 1)), at);
}

function parseDelivery(text: string): Delivery {
  const delivery: Delivery = JSON.parse(text);
  return delivery;
}
