import { randomUUID } from 'node:crypto';
import { DelayedError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { recurringSteps } from '../../src/worker/build-worker.ts';
import type { WorkerDeps } from '../../src/worker/deps.ts';
import { runIfDue } from '../../src/worker/recurring.ts';
import { runStep } from '../../src/worker/runner.ts';
import { STEPS_QUEUE, WEBHOOKS_QUEUE } from '../../src/queue/jobs.ts';
import type { Simulator } from '../../simulator/index.ts';
import { RedisJobStore } from '../../src/store/redis-store.ts';
import type { Due } from './redis-time.ts';
import { age, readDue } from './redis-time.ts';
import { PATIENCE, pause } from './waiting.ts';

const QUEUES = [STEPS_QUEUE, WEBHOOKS_QUEUE];

/** The lock's duration: no lock expires while a step runs on a slow machine, since no other worker exists to take over. */
const LOCK = 600_000;

/** Redis' answer to PTTL for a missing key. */
const NO_KEY = -2;

/** The most time by which {@link SteppedWorker.until} advances, milliseconds. */
const FURTHEST = 30 * 86_400_000;

/** A store whose clock a test advances. */
export class SteppedStore extends RedisJobStore {
  ahead = 0;

  override now(): number {
    return super.now() + this.ahead;
  }
}

interface SteppedDeps extends WorkerDeps {
  store: SteppedStore;
}

/**
 * A worker that runs single steps when a test calls it, in the test's process, with real records, the real queue and the real SDK.
 * The test also controls time: advancing it makes leases expire, delays end and simulated copies progress.
 */
export class SteppedWorker {
  readonly #deps: SteppedDeps;
  readonly #simulator: Simulator;
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #sweepMs: number;
  readonly #workers: Worker[];
  readonly #token = randomUUID();
  /** Serialises the steps of all callers. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    deps: SteppedDeps,
    {
      redisUrl,
      prefix,
      sweepMs,
      simulator,
    }: { redisUrl: string; prefix: string; sweepMs: number; simulator: Simulator },
  ) {
    this.#deps = deps;
    this.#simulator = simulator;
    this.#prefix = prefix;
    this.#sweepMs = sweepMs;
    this.#redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
    this.#workers = QUEUES.map(
      (name) =>
        new Worker(name, null, { connection: this.#redis, autorun: false, prefix, lockDuration: LOCK }),
    );
    for (const worker of this.#workers) worker.on('error', () => {});
  }

  /** Runs the next due step, from the queue or a recurring one. @returns whether there was one */
  runOne(): Promise<boolean> {
    return this.#inTurn(() => this.#runNext());
  }

  /** Runs all due steps, and those that become due by them. */
  async runDue(): Promise<void> {
    while (await this.runOne());
  }

  /** Advances the time of the service and its simulator without running steps. */
  advance(milliseconds: number): Promise<void> {
    return this.#inTurn(() => this.#advance(milliseconds));
  }

  /**
   * Runs step after step until a condition holds. When no step is due, time advances to the next due one. The condition is checked
   * before each step, so that it sees every state. @throws if no step is left to run
   */
  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    const furthest = this.#deps.store.now() + FURTHEST;
    while (!(await holds())) {
      if (await this.#inTurn(async () => (await this.#runNext()) || (await this.#moveOn(furthest)))) continue;
      if (await holds()) return;
      throw new Error(`nothing is left to run, and this does not hold: ${holds.toString()}`);
    }
  }

  /**
   * Like {@link until}, but without advancing time: it waits for other connections of this process, such as an event from the
   * simulator.
   */
  async untilNow(holds: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    while (!(await holds())) {
      if (await this.runOne()) continue;
      if (performance.now() > deadline) throw new Error(`Not within ${PATIENCE} ms: ${holds.toString()}`);
      await pause();
    }
  }

  /** Runs steps and advances time while some work waits for their results, such as a held answer. */
  async during<T>(work: Promise<T>): Promise<T> {
    const settled = new AbortController();
    const settle = () => settled.abort();
    work.then(settle, settle);
    while (!settled.signal.aborted) {
      if (await this.runOne()) continue;
      await this.#inTurn(() => this.#moveOn(Infinity));
      // Other connections and processes do the work, and need CPU time.
      await pause();
    }
    return work;
  }

  async close(): Promise<void> {
    await this.#last;
    await Promise.all(this.#workers.map((worker) => worker.close()));
    this.#redis.disconnect();
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#last.then(run);
    this.#last = result.catch(() => {});
    return result;
  }

  async #runNext(): Promise<boolean> {
    const { queues, leases } = await this.#readDue();
    for (const [i, { waiting, delayed }] of queues.entries()) {
      const worker = this.#workers[i];
      if (worker === undefined || (waiting === 0 && delayed > Date.now())) continue;
      if (await this.#runQueued(worker)) return true;
    }
    for (const one of recurringSteps(this.#deps, this.#sweepMs))
      if (isRecurring(one.name) && leases[one.name] === NO_KEY && (await runIfDue(this.#deps, one)))
        return true;
    return false;
  }

  #readDue(): Promise<Due> {
    return readDue(this.#redis, this.#prefix, QUEUES);
  }

  async #advance(milliseconds: number): Promise<void> {
    this.#deps.store.ahead += milliseconds;
    this.#simulator.clock.advance(milliseconds / 1000);
    await age(this.#redis, this.#prefix, milliseconds);
  }

  /** Advances time to the next due step; `false` if there is none before `furthest`. */
  async #moveOn(furthest: number): Promise<boolean> {
    const wait = await this.#nextDue();
    if (wait === null || this.#deps.store.now() + wait > furthest) return false;
    await this.#advance(wait);
    return true;
  }

  async #runQueued(worker: Worker): Promise<boolean> {
    const job = await worker.getNextJob(this.#token, { block: false });
    if (job === undefined) return false;
    try {
      await runStep(this.#deps, job, this.#token);
      await job.moveToCompleted(null, this.#token, false);
    } catch (error) {
      if (!(error instanceof DelayedError))
        await job.moveToFailed(error instanceof Error ? error : new Error(String(error)), this.#token, false);
    }
    return true;
  }

  /** Milliseconds until a step is due; `null` if none is. Overdue work waits until the lease of its recurring step expires. */
  async #nextDue(): Promise<number | null> {
    const now = this.#deps.store.now();
    const { scope, job, delivery, waitQueues, leases, queues } = await this.#readDue();
    const next = Math.min(
      Math.max(scope - now, leases.tick),
      Math.max(Math.min(job, delivery) - now, leases.sweep),
      waitQueues > 0 ? leases.tick : Infinity,
      ...queues.map(({ delayed }) => delayed - Date.now()),
    );
    return next === Infinity ? null : Math.max(1, Math.ceil(next) + 1);
  }
}

function isRecurring(name: string): name is keyof Due['leases'] {
  return name === 'tick' || name === 'sweep';
}
