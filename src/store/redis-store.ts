import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisClient } from '../redis-client.ts';
import type { Scope } from '../domain/ami.ts';
import { dueSteps } from '../domain/next-step.ts';
import type { Job } from '../domain/job.ts';
import { SharedClock } from './clock.ts';
import type { CommitContext, CommitOutcome, Guards, Write } from './commit.ts';
import { commit } from './commit.ts';
import { Batcher } from './batcher.ts';
import { keyInProgress } from './idempotency.ts';
import { doneAt, queuesLeft } from './indexes.ts';
import { changeMember, parseChange, RedisChangeQueues } from './change-queues.ts';
import type { ChangeRef } from './change-queues.ts';
import { parseSlotMember, RedisCopySlots, slotMember } from './copy-slots.ts';
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

/** Adds to the next version of a record what follows from the change, such as the webhook deliveries of what ended. */
type Complete = (before: Job, after: Job) => Job;

export interface StoreOptions {
  /** Enqueues on the very connection of the store: see {@link RedisJobStore.#commit}. */
  wake: Wake;
  complete: Complete;
  /** Approximate number of entries that the audit keeps. */
  auditEntries?: number;
}

/** The {@link JobStore} in Redis. Closing the store does not close `redis`, which others share. */
export class RedisJobStore implements JobStore {
  readonly polls: RedisPolls;
  readonly copySlots: RedisCopySlots;
  readonly changeQueues: RedisChangeQueues;
  readonly leases: RedisLeases;
  readonly #redis: RedisClient;
  readonly #keys: StoreKeys;
  readonly #wake: Wake;
  readonly #complete: Complete;
  readonly #clock: SharedClock;
  /** Writes the changes of one job that come together as one write. */
  readonly #updates: Coalescer<Change, UpdateOutcome>;
  /** Sends the writes of one turn of the event loop together. */
  readonly #writes: Batcher<Write, CommitOutcome>;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    redis: RedisClient,
    prefix: string,
    { wake, complete, auditEntries = AUDIT_ENTRIES }: StoreOptions,
  ) {
    defineScripts(redis);
    this.#redis = redis;
    this.#keys = storeKeys(prefix);
    this.#wake = wake;
    this.#complete = complete;
    this.polls = new RedisPolls(redis, this.#keys, () => this.now());
    this.copySlots = new RedisCopySlots(redis, this.#keys);
    this.changeQueues = new RedisChangeQueues(redis, this.#keys);
    this.leases = new RedisLeases(redis, this.#keys);
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

  updateIfFirst(ref: ChangeRef, scope: Scope, imageId: string, change: Change): Promise<UpdateOutcome> {
    const queue = { key: this.#keys.changeQueue(scope, imageId), member: changeMember(ref) };
    return this.#updateAlone(ref.jobId, change, { guards: () => ({ queue }) });
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
  async #update(
    id: string,
    changes: readonly SlotsChange[],
    { guards = () => ({}), known, alongside }: HowToWrite = {},
  ): Promise<UpdateOutcome[]> {
    const refused = new Set<string>();
    for (let conflicts = 0; conflicts < MAX_CONFLICTS;) {
      const before = conflicts === 0 && known !== undefined ? known : await this.get(id);
      if (before === null) return changes.map(() => ({ outcome: 'missing' }));
      const outcomes = this.#applyInOrder(before, changes, refused);
      const steps = outcomes.flatMap((one) =>
        one.outcome === 'changed' ? [[one.before, one.job] as const] : [],
      );
      const after = steps.at(-1)?.[1];
      if (after === undefined) return outcomes;
      const written = await this.#write({
        before,
        after,
        steps,
        guards: guards(refused),
        ...alongside,
      });
      if (written.outcome === 'ok') return outcomes;
      if (written.outcome === 'not-first') return outcomes.map(() => ({ outcome: 'not-first', job: before }));
      if (written.outcome === 'full') {
        for (const member of written.members) refused.add(parseSlotMember(member).destination);
        continue;
      }
      conflicts += 1;
      await sleep(Math.random() * Math.min(conflicts, 20));
    }
    throw new Error(`job ${id} was written by others ${MAX_CONFLICTS} times in a row`);
  }

  #applyInOrder(before: Job, changes: readonly SlotsChange[], refused: ReadonlySet<string>): UpdateOutcome[] {
    const now = this.now();
    const version = before.version + 1;
    let job = before;
    return changes.map((change): UpdateOutcome => {
      const previous = job;
      const changed = change(previous, now, refused);
      if (changed === null) return { outcome: 'unchanged', job: previous };
      job = { ...this.#complete(previous, changed), version };
      return { outcome: 'changed', before: previous, job };
    });
  }

  unfinished(dueBy: number): Promise<string[]> {
    const latest = dueBy === Infinity ? '+inf' : String(dueBy);
    return this.#redis.zrange(this.#keys.unfinished, '-inf', latest, 'BYSCORE');
  }

  async deleteFinishedBefore(time: number, limit: number): Promise<number> {
    const ids = await this.#redis.zrange(
      this.#keys.finished,
      '-inf',
      String(time),
      'BYSCORE',
      'LIMIT',
      0,
      limit,
    );
    let deleted = 0;
    for (const id of ids) {
      const job = await this.#getReadable(id);
      // The job was retried meanwhile, or still has an image to remove or a webhook to send.
      if (job === null || (doneAt(job) ?? Infinity) > time) continue;
      const { outcome } = await this.#write({ before: job, after: null });
      if (outcome === 'ok') deleted += 1;
    }
    return deleted;
  }
}
