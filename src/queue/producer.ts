import type { Queue, QueueOptions, Telemetry } from 'bullmq';
import type { RedisClient } from '../redis-client.ts';
import type { Scope } from '../domain/ami.ts';
import { scopeKey } from '../domain/ami.ts';
import type { Job } from '../domain/job.ts';
import type { WakeUp } from '../domain/next-step.ts';
import { dueSteps } from '../domain/next-step.ts';
import { AmiferryError } from '../errors.ts';
import type { Logger } from '../logging/logging.ts';
import { warnSparingly } from '../logging/logging.ts';
import type { StepName } from './jobs.ts';
import { payloadVersion, STEPS_QUEUE, WEBHOOKS_QUEUE } from './jobs.ts';

/** Nothing is kept of a wake-up that was served: the record tells what happened. */
const GONE_WHEN_DONE = { removeOnComplete: true, removeOnFail: true } as const;

/** Milliseconds after its time at which a delayed step counts as forgotten, and before it as out of reach. */
const OVERDUE = 5000;
const TOO_FAR = 60_000;

/** BullMQ's score of a delayed job is its time in milliseconds times this, plus a counter: private to it, and held by test/worker/misdelayed.test.ts. */
const DELAYED_SCORE = 0x1000;

/** Puts wake-ups into the queue. A wake-up that is queued already is not queued twice. */
export class StepProducer {
  readonly #redis: RedisClient;
  readonly #prefix: string;
  readonly #telemetry: Telemetry | undefined;
  readonly #queues = new Map<string, Promise<Queue>>();

  /** `redis` should fail fast: with a Redis that is away, each method rejects instead of waiting. */
  constructor(redis: RedisClient, prefix: string, telemetry?: Telemetry) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#telemetry = telemetry;
  }

  /** Opened at its first use, and anew if that failed: BullMQ never gets over a connection that wasn't there at first. */
  #open(name: string = STEPS_QUEUE): Promise<Queue> {
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    const queue = openQueue(name, this.#redis, { prefix: this.#prefix, ...tracedBy(this.#telemetry) }).catch(
      (error: unknown) => {
        this.#queues.delete(name);
        throw error;
      },
    );
    this.#queues.set(name, queue);
    return queue;
  }

  /** Wakes whatever the job waits for at a time, by {@link dueSteps}. */
  async wakeJob(job: Job, now: number): Promise<void> {
    await this.wake(dueSteps(job, now).map((due) => ({ ...due, jobId: job.id })));
  }

  /** Wakes some steps. */
  async wake(wakeUps: readonly WakeUp[]): Promise<void> {
    const [deliveries, steps] = [wakeUps.filter(isDelivery), wakeUps.filter((one) => !isDelivery(one))];
    await this.#add(steps.map((one) => queueJob(one)));
    await this.#add(
      deliveries.map((one) => queueJob(one)),
      WEBHOOKS_QUEUE,
    );
  }

  /** Wakes a step after so many milliseconds. */
  async wakeLater(wakeUp: WakeUp, delay: number): Promise<void> {
    await this.#add([queueJob(wakeUp, delay)]);
  }

  /** Has the pending copies of these scopes polled. */
  async track(scopes: readonly Scope[]): Promise<void> {
    await this.#add(
      scopes.map((scope) => ({
        name: 'track-region' satisfies StepName,
        data: { v: payloadVersion('track-region'), scope: scopeKey(scope) },
        opts: { jobId: queueJobId('track-region', scopeKey(scope)), ...GONE_WHEN_DONE },
      })),
    );
  }

  /** Has the copies of a scope polled that EC2 reported; `poll` names it, and the same poll is queued once. */
  async trackHinted(scope: Scope, poll: string): Promise<void> {
    await this.#add([
      {
        name: 'track-region' satisfies StepName,
        data: { v: payloadVersion('track-region'), scope: scopeKey(scope), hinted: true },
        opts: { jobId: queueJobId('track-region', scopeKey(scope), poll), ...GONE_WHEN_DONE },
      },
    ]);
  }

  /**
   * Takes up delayed steps that a clock has misled: BullMQ delays a step by the clock of the worker that does so, and
   * releases it by that of another. What is due later than any step is ever delayed, or was due a while ago, by the
   * shared clock (`now`, epoch milliseconds), is done now.
   */
  async promoteMisdelayed(now: number): Promise<void> {
    const queue = await this.#open();
    const delayed = queue.toKey('delayed');
    const due = (time: number) => String(time * DELAYED_SCORE);
    const ids = [
      ...(await this.#redis.zrange(delayed, '-inf', due(now - OVERDUE), 'BYSCORE')),
      ...(await this.#redis.zrange(delayed, due(now + TOO_FAR), '+inf', 'BYSCORE')),
    ];
    for (const id of ids) {
      const job = await queue.getJob(id);
      // Another worker may have taken it up meanwhile.
      await job?.promote().catch(() => {});
    }
  }

  /** A step in a queue; `null` where it is done by now. */
  async find(
    name: string,
    id: string,
  ): Promise<{ name: string; data: Partial<WakeUp> & { destination?: string } } | null> {
    return (await (await this.#open(name)).getJob(id)) ?? null;
  }

  /** Both queues, opened if they are not. Rejects while Redis is away. */
  async queues(): Promise<Queue[]> {
    return Promise.all([this.#open(STEPS_QUEUE), this.#open(WEBHOOKS_QUEUE)]);
  }

  /** Steps that wait for a worker, and steps at work, over all workers. */
  async counts(): Promise<{ waiting: number; active: number }> {
    const queue = await this.#open();
    const { waiting = 0, active = 0 } = await queue.getJobCounts('waiting', 'active');
    return { waiting, active };
  }

  /** How many steps there are, over all workers, and for how long the next one has waited (milliseconds). */
  async depth(): Promise<{ waiting: number; active: number; delayed: number; oldestMs: number }> {
    const queue = await this.#open();
    const { waiting = 0, active = 0, delayed = 0 } = await queue.getJobCounts('waiting', 'active', 'delayed');
    const [oldest] = await queue.getJobs('waiting', 0, 0, true);
    const now = Date.now();
    const since = oldest === undefined ? now : oldest.timestamp + oldest.delay;
    return { waiting, active, delayed, oldestMs: Math.max(0, now - since) };
  }

  async #add(jobs: Parameters<Queue['addBulk']>[0], name: string = STEPS_QUEUE): Promise<void> {
    if (jobs.length === 0) return;
    const queue = await this.#open(name);
    await queue.addBulk(jobs);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map(async (queue) => (await queue).close()));
  }
}

/** {@link StepProducer.wake} for writes of records: what it could not enqueue it warns of, since the sweep makes it good. */
export function wakeOrWarn(
  producer: StepProducer,
  logger: Logger,
): (wakeUps: readonly WakeUp[]) => Promise<void> {
  const warn = warnSparingly(logger, 'a step could not be enqueued; the sweep will');
  return (wakeUps) => producer.wake(wakeUps).catch(warn);
}

async function openQueue(
  name: string,
  redis: RedisClient,
  options: Omit<QueueOptions, 'connection'>,
): Promise<Queue> {
  if (redis.status !== 'ready')
    throw new AmiferryError('redis-unavailable', `Redis, which keeps the queue, is away (${redis.status})`);
  // Loaded when something is queued first: it takes as long as a fifth of the start without.
  const bullmq = await import('bullmq');
  const queue = new bullmq.Queue(name, { connection: redis, skipWaitingForReady: true, ...options });
  // Without a listener a lost connection would end the process; ioredis itself connects again.
  queue.on('error', () => {});
  await queue.waitUntilReady();
  return queue;
}

/** BullMQ takes no `undefined`. */
export function tracedBy(telemetry: Telemetry | undefined): { telemetry?: Telemetry } {
  return telemetry === undefined ? {} : { telemetry };
}

function isDelivery({ step }: WakeUp): boolean {
  return step === 'deliver-webhook';
}

function queueJob({ step, ...rest }: WakeUp, delay = 0) {
  const id = [step, rest.jobId];
  if ('destination' in rest) id.push(rest.destination, String(rest.attempt));
  if ('imageId' in rest) id.push(rest.imageId);
  if (!('delivery' in rest)) return queued(step, rest, id, delay);
  // Each try has a wake-up of its own, so that the next one can be queued while this one is at work.
  const { at, ...data } = rest;
  id.push(String(rest.delivery), String(at));
  return queued(step, data, id, delay);
}

/** A queue job's id is what makes a wake-up the same one. Nothing reads it: what a step is about is in its payload. */
function queueJobId(...parts: string[]): string {
  return parts.join('.');
}

function queued(name: StepName, data: object, id: string[], delay: number) {
  const opts = { jobId: queueJobId(...id), ...GONE_WHEN_DONE, ...(delay > 0 && { delay }) };
  return { name, data: { v: payloadVersion(name), ...data }, opts };
}
