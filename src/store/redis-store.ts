import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisClient } from '../redis-client.ts';
import type { Scope } from '../domain/ami.ts';
import { dueSteps } from '../domain/next-step.ts';
import type { Message } from '../domain/delivery.ts';
import type { Job } from '../domain/job.ts';
import type { Announced } from '../domain/webhooks.ts';
import { redelivered } from '../domain/webhooks.ts';
import { SharedClock } from './clock.ts';
import type { CommitContext, CommitOutcome, Guards, Write } from './commit.ts';
import { commit } from './commit.ts';
import { Batcher } from './batcher.ts';
import { RedisDeliveries } from './deliveries.ts';
import { keyInProgress } from './idempotency.ts';
import { doneAt, queuesLeft } from './indexes.ts';
import { changeMember, parseChange, RedisChangeQueues } from './change-queues.ts';
import type { ChangeRef } from './change-queues.ts';
import { parseSlotMember, RedisCopySlots, slotMember } from './copy-slots.ts';
import type { HoldChanges } from './holds.ts';
import { RedisHolds } from './holds.ts';
import { RedisLeases } from './leases.ts';
import { RedisPolls } from './polls.ts';
import type { StoreKeys } from './keys.ts';
import { storeKeys } from './keys.ts';
import { listJobs } from './list-jobs.ts';
import { Coalescer } from './coalescer.ts';
import { isTooNew, parseJob, RECORD_FIELDS } from './records.ts';
import { defineScripts } from './scripts.ts';
import type {
  Alongside,
  Change,
  JobFilter,
  JobPage,
  JobStore,
  SlotsChange,
  SlotsRequest,
  UpdateOutcome,
} from './store.ts';
import type { Wake } from './wake-ups.ts';
import { wakeUpsOf } from './wake-ups.ts';

/** The conditions of a write, after these destinations have been refused a slot. */
type GuardsFor = (refused: ReadonlySet<string>) => Guards;

interface HowToWrite {
  guards?: GuardsFor;
  /** The record, if it has just been read. */
  known?: Job;
  holds?: Write['holds'];
  alongside?: Alongside;
}

/** Several processes may write one job at once. Each conflict means that another write succeeded. */
const MAX_CONFLICTS = 200;

/** Milliseconds between two reads of the shared clock. */
const CLOCK_INTERVAL = 30_000;

/** The most writes that one call of the script makes: Redis does nothing else meanwhile. */
const WRITES_TOGETHER = 50;

/** Approximate number of entries that the audit keeps by default. */
const AUDIT_ENTRIES = 100_000;

/** The webhook messages about what has ended between two versions of a record. */
type Announce = (before: Job, after: Job) => Announced;

export interface StoreOptions {
  /** Enqueues on the very connection of the store: see {@link RedisJobStore.#commit}. */
  wake: Wake;
  announce: Announce;
  /** Approximate number of entries that the audit keeps. */
  auditEntries?: number;
}

/** The {@link JobStore} in Redis. Closing the store does not close `redis`, which others share. */
export class RedisJobStore implements JobStore {
  readonly polls: RedisPolls;
  readonly copySlots: RedisCopySlots;
  readonly changeQueues: RedisChangeQueues;
  readonly holds: RedisHolds;
  readonly leases: RedisLeases;
  readonly deliveries: RedisDeliveries;
  readonly #redis: RedisClient;
  readonly #keys: StoreKeys;
  readonly #wake: Wake;
  readonly #announce: Announce;
  readonly #clock: SharedClock;
  /** Writes the changes of one job that come together as one write. */
  readonly #updates: Coalescer<Change, UpdateOutcome>;
  /** Sends the writes of one turn of the event loop together. */
  readonly #writes: Batcher<Write, CommitOutcome>;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    redis: RedisClient,
    prefix: string,
    { wake, announce, auditEntries = AUDIT_ENTRIES }: StoreOptions,
  ) {
    defineScripts(redis);
    this.#redis = redis;
    this.#keys = storeKeys(prefix);
    this.#wake = wake;
    this.#announce = announce;
    this.polls = new RedisPolls(redis, this.#keys, () => this.now());
    this.copySlots = new RedisCopySlots(redis, this.#keys);
    this.changeQueues = new RedisChangeQueues(redis, this.#keys);
    this.holds = new RedisHolds(redis, this.#keys);
    this.leases = new RedisLeases(redis, this.#keys);
    this.deliveries = new RedisDeliveries(redis, this.#keys, () => this.now());
    this.#clock = new SharedClock(redis, this.#keys.jobs);
    this.#updates = new Coalescer((id, changes) => this.#update(id, changes));
    const context = { keys: this.#keys, auditEntries };
    this.#writes = new Batcher((writes) => this.#commit(context, writes), WRITES_TOGETHER);
  }

  now(): number {
    return this.#clock.now();
  }

  /** Reads the shared clock now. Rejects while Redis is away. */
  async syncClock(): Promise<void> {
    await this.#clock.sync();
  }

  /** Reads the shared clock as soon as Redis answers, and then regularly until {@link close}. */
  keepTime(): void {
    const sync = () => void this.#clock.sync().catch(() => {});
    this.#redis.on('ready', sync);
    this.#timer = setInterval(sync, CLOCK_INTERVAL);
    if (this.#redis.status === 'ready') sync();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async create(job: Job, alongside: Alongside = {}): Promise<'created' | 'exists'> {
    const { outcome } = await this.#write({ before: null, after: job, ...alongside });
    return outcome === 'conflict' ? 'exists' : 'created';
  }

  async get(id: string): Promise<Job | null> {
    return parseJob(await this.#redis.hmget(this.#keys.job(id), ...RECORD_FIELDS));
  }

  /** As {@link get}, but `null` for a record of a newer version. */
  async #getReadable(id: string): Promise<Job | null> {
    try {
      return await this.get(id);
    } catch (error) {
      if (isTooNew(error)) return null;
      throw error;
    }
  }

  list(filter: JobFilter): Promise<JobPage> {
    return listJobs(this.#redis, this.#keys, filter);
  }

  async update(id: string, change: Change, alongside?: Alongside): Promise<UpdateOutcome> {
    if (alongside === undefined) return this.#updates.add(id, change);
    return this.#updateAlone(id, change, { alongside });
  }

  updateWithSlots(request: SlotsRequest, change: SlotsChange): Promise<UpdateOutcome> {
    const { job, destinations, limits } = request;
    const wanted = destinations.map(({ destination, scope, isTimeBased = false }) => ({
      scope,
      isTimeBased,
      member: slotMember({ jobId: job.id, destination }),
      destination,
    }));
    const guards = (refused: ReadonlySet<string>) => ({
      slots: { limits, wanted: wanted.filter(({ destination }) => !refused.has(destination)) },
    });
    return this.#updateAlone(job.id, change, { guards, known: job });
  }

  updateIfFirst(
    ref: ChangeRef,
    scope: Scope,
    imageId: string,
    change: Change,
    changes?: HoldChanges,
  ): Promise<UpdateOutcome> {
    const queue = { key: this.#keys.changeQueue(scope, imageId), member: changeMember(ref) };
    const holds = changes === undefined ? undefined : { scope, imageId, changes };
    return this.#updateAlone(ref.jobId, change, { guards: () => ({ queue }), holds });
  }

  /**
   * Sends the wake-ups of what the writes make due right behind the script, on the same connection: one round trip, and Redis has
   * a record before any worker can take its step. A write that is refused wakes steps for nothing, which does no harm.
   */
  async #commit(context: CommitContext, writes: readonly Write[]): Promise<CommitOutcome[]> {
    const written = commit(this.#redis, context, writes);
    const woken = this.#wake(wakeUpsOf(writes, this.now()));
    const [outcomes] = await Promise.all([written, woken]);
    return outcomes;
  }

  async #write(write: Write): Promise<Exclude<CommitOutcome, { outcome: 'claim-lost' }>> {
    const written = await this.#writes.add(write);
    if (written.outcome === 'claim-lost') throw keyInProgress();
    const { before, after } = write;
    if (written.outcome === 'ok' && after !== null)
      await Promise.all(queuesLeft(this.#keys, before, after).map((queue) => this.#wakeFirst(queue)));
    return written;
  }

  /** Wakes the change of permissions that is now the first in a wait queue. As for every wake-up, the sweep replaces it if it is lost. */
  async #wakeFirst(queue: string): Promise<void> {
    try {
      const [first] = await this.#redis.zrange(queue, 0, '0');
      const job = first === undefined ? null : await this.get(parseChange(first).jobId);
      if (job !== null) await this.#wake(dueSteps(job, this.now()).map((due) => ({ ...due, jobId: job.id })));
    } catch {}
  }

  async #updateAlone(id: string, change: SlotsChange, how: HowToWrite): Promise<UpdateOutcome> {
    const [outcome = { outcome: 'missing' as const }] = await this.#update(id, [change], how);
    return outcome;
  }

  /** Makes some changes in one write. Each is applied to the result of the one before it. Returns an outcome for each. */
  #update(
    id: string,
    changes: readonly SlotsChange[],
    { guards = () => ({}), known, alongside, holds }: HowToWrite = {},
  ): Promise<UpdateOutcome[]> {
    const refused = new Set<string>();
    let read = known;
    return untilWritten(id, async () => {
      const before = read ?? (await this.get(id));
      read = undefined;
      if (before === null) return changes.map(() => ({ outcome: 'missing' }));
      for (;;) {
        const { outcomes, messages } = this.#applyInOrder(before, changes, refused);
        const steps = outcomes.flatMap((one) =>
          one.outcome === 'changed' ? [[one.before, one.job] as const] : [],
        );
        const after = steps.at(-1)?.[1];
        if (after === undefined) return outcomes;
        const write = { before, after, steps, messages, guards: guards(refused), holds, ...alongside };
        const written = await this.#write(write);
        if (written.outcome === 'ok') return outcomes;
        if (written.outcome === 'full') {
          for (const member of written.members) refused.add(parseSlotMember(member).destination);
          continue;
        }
        if (written.outcome === 'conflict') return 'conflict';
        return outcomes.map(() => ({ outcome: 'not-first', job: before }));
      }
    });
  }

  #applyInOrder(before: Job, changes: readonly SlotsChange[], refused: ReadonlySet<string>) {
    const now = this.now();
    const version = before.version + 1;
    const messages: Message[] = [];
    let job = before;
    const outcomes = changes.map((change): UpdateOutcome => {
      const previous = job;
      const changed = change(previous, now, refused);
      if (changed === null) return { outcome: 'unchanged', job: previous };
      const announced = this.#announce(previous, changed);
      messages.push(...announced.messages);
      job = { ...announced.job, version };
      return { outcome: 'changed', before: previous, job };
    });
    return { outcomes, messages };
  }

  redeliver(id: string, n: number, alongside: Alongside): Promise<UpdateOutcome> {
    return untilWritten(id, async () => {
      const before = await this.get(id);
      if (before === null) return { outcome: 'missing' };
      const from = await this.deliveries.read(id, n);
      if (from === null) return { outcome: 'unchanged', job: before };
      const after = { ...before, version: before.version + 1 };
      const redelivery = { from, to: redelivered(from.delivery, this.now()) };
      const { outcome } = await this.#write({ before, after, redelivery, ...alongside });
      return outcome === 'ok' ? { outcome: 'changed', before, job: after } : 'conflict';
    });
  }

  unfinished(dueBy: number): Promise<string[]> {
    const latest = dueBy === Infinity ? '+inf' : String(dueBy);
    return this.#redis.zrange(this.#keys.unfinished, '-inf', latest, 'BYSCORE');
  }

  async deleteFinishedBefore(time: number, limit: number): Promise<number> {
    let deleted = 0;
    for (let skipped = 0; deleted < limit;) {
      const ids = await this.#redis.zrange(
        this.#keys.finished,
        '-inf',
        String(time),
        'BYSCORE',
        'LIMIT',
        skipped,
        limit,
      );
      for (const id of ids) {
        if (await this.#delete(id, time)) deleted += 1;
        else skipped += 1;
      }
      if (ids.length < limit) break;
    }
    return deleted;
  }

  /** Deletes a job, unless it was retried meanwhile, or still has an image to remove or a webhook to send. */
  async #delete(id: string, time: number): Promise<boolean> {
    const job = await this.#getReadable(id);
    if (job === null || (doneAt(job) ?? Infinity) > time) return false;
    const deliveries = (await this.deliveries.ofJobs([id])).get(id) ?? [];
    if (deliveries.some(({ nextAt }) => nextAt !== null)) return false;
    const { outcome } = await this.#write({ before: job, after: null });
    return outcome === 'ok';
  }
}

/** Repeats a write that reads first, until no other write comes in between. */
async function untilWritten<T>(id: string, write: () => Promise<T | 'conflict'>): Promise<T> {
  for (let conflicts = 1; conflicts <= MAX_CONFLICTS; conflicts += 1) {
    const result = await write();
    if (result !== 'conflict') return result;
    await sleep(Math.random() * Math.min(conflicts, 20));
  }
  throw new Error(`job ${id} was written by others ${MAX_CONFLICTS} times in a row`);
}
