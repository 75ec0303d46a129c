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

/** BullMQ keeps nothing of a completed wake-up: the record has the result. */
const GONE_WHEN_DONE = { removeOnComplete: true, removeOnFail: true } as const;

/** Milliseconds after its time at which a delayed step counts as overdue, and before its time at which it counts as delayed too long. */
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

  /** `redis` should fail fast: while Redis is away, each method rejects instead of waiting. */
  constructor(redis: RedisClient, prefix: string, telemetry?: Telemetry) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#telemetry = telemetry;
  }

  /** Opened at its first use, and again if that failed: BullMQ never recovers from a connection that failed at first. */
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

  /** Wakes the steps of a job that are due at a time, by {@link dueSteps}. */
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

  /** Wakes a step after a delay in milliseconds. */
  async wakeLater(wakeUp: WakeUp, delay: number): Promise<void> {
    await this.#add([queueJob(wakeUp, delay)]);
  }

  /** Wakes a poll of the pending copies of these scopes. */
  async track(scopes: readonly Scope[]): Promise<void> {
    await this.#add(
      scopes.map((scope) => ({
        name: 'track-region' satisfies StepName,
        data: { v: payloadVersion('track-region'), scope: scopeKey(scope) },
        opts: { jobId: queueJobId('track-region', scopeKey(scope)), ...GONE_WHEN_DONE },
      })),
    );
  }

  /** Wakes a poll of the copies of a scope that EC2 reported. `poll` names it: the same poll is queued once. */
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
   * Promotes misdelayed steps. BullMQ delays a step by the clock of one worker, and releases it by the clock of another. By the
   * shared clock (`now`, epoch milliseconds), a step that is due later than any delay allows, or that was due a while ago, is
   * run now.
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
      // Another worker may have taken the step meanwhile.
      await job?.promote().catch(() => {});
    }
  }

  /** A step in a queue; `null` where it no longer exists. */
  async find(
    name: string,
    id: string,
  ): Promise<{ name: string; data: Partial<WakeUp> & { destination?: string } } | null> {
    return (await (await this.#open(name)).getJob(id)) ?? null;
  }

  /** Both queues, opened if necessary. Rejects while Redis is away. */
  async queues(): Promise<Queue[]> {
    return Promise.all([this.#open(STEPS_QUEUE), this.#open(WEBHOOKS_QUEUE)]);
  }

  /** The number of steps that wait for a worker, and that run, over all workers. */
  async counts(): Promise<{ waiting: number; active: number }> {
    const queue = await this.#open();
    const { waiting = 0, active = 0 } = await queue.getJobCounts('waiting', 'active');
    return { waiting, active };
  }

  /** The number of steps, over all workers, and for how long the next one has waited (milliseconds). */
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

/**
 * {@link StepProducer.wake} for writes of records. It logs a warning for wake-ups that could not be enqueued, which the sweep
 * replaces.
 */
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
  // Loaded when a step is first queued, because loading takes a fifth as long as the rest of the start.
  const bullmq = await import('bullmq');
  const queue = new bullmq.Queue(name, { connection: redis, skipWaitingForReady: true, ...options });
  // Without a listener a lost connection would end the process; ioredis itself reconnects.
  queue.on('error', () => {});
  await queue.waitUntilReady();
  return queue;
}

/** BullMQ does not accept `undefined`. */
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
  // Each try has a wake-up of its own, so that the next one can be queued while this one runs.
  const { at, ...data } = rest;
  id.push(String(rest.delivery), String(at));
  return queued(step, data, id, delay);
}

/** The id of a queue job deduplicates wake-ups. Nothing parses it: the payload says what the step is about. */
function queueJobId(...parts: string[]): string {
  return parts.join('.');
}

function queued(name: StepName, data: object, id: string[], delay: number) {
  const opts = { jobId: queueJobId(...id), ...GONE_WHEN_DONE, ...(delay > 0 && { delay }) };
  return { name, data: { v: payloadVersion(name), ...data }, opts };
}
