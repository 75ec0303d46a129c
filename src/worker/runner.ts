import type { Job as QueueJob } from 'bullmq';
import { DelayedError, Worker } from 'bullmq';
import type { RedisClient } from '../redis-client.ts';
import { parseScope } from '../domain/ami.ts';
import { aboutJob, withLogContext } from '../logging/log-context.ts';
import { warnSparingly } from '../logging/logging.ts';
import type { StepName } from '../queue/jobs.ts';
import { PAYLOAD_VERSION, STEPS_QUEUE } from '../queue/jobs.ts';
import { tracedBy } from '../queue/producer.ts';
import { isTooNew } from '../store/records.ts';
import { backoff } from '../domain/backoff.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import { inTrace } from './in-trace.ts';
import { StepOvertaken } from '../sharing/fence.ts';
import { STEPS } from './registry.ts';

export interface RunnerOptions {
  prefix: string;
  concurrency: number;
}

/**
 * BullMQ's settings for work that must continue within seconds of a worker's death: a lock of 3 s, renewed while the process
 * lives, and a check for stalled jobs every 2 s. A step that outlives many workers is still not given up.
 */
const SURVIVAL = { lockDuration: 3000, stalledInterval: 2000, maxStalledCount: 1_000_000 } as const;

/** Milliseconds after which a payload of a newer version is offered again, so that a newer worker may take it. */
const NEWER_VERSION_DELAY = 5000;

/** This worker can not read the payload, or the record: a worker of the newer version has to run the step. */
const FOR_NEWER: StepOutcome = {
  outcome: 'again',
  why: 'made for a newer worker',
  delayMs: NEWER_VERSION_DELAY,
};

/**
 * Takes steps off the queue and runs them. `redis` must be a blocking connection, because BullMQ blocks on it. Rejects with the
 * error that keeps BullMQ from starting: a BullMQ worker that runs nevertheless would retry in a busy loop and block the
 * process.
 */
export async function runWorker(
  deps: WorkerDeps,
  redis: RedisClient,
  options: RunnerOptions,
  queue: string = STEPS_QUEUE,
): Promise<Worker> {
  const { prefix, concurrency } = options;
  const worker = new Worker(queue, (job, token) => runStep(deps, job, token), {
    connection: redis,
    autorun: false,
    prefix,
    concurrency,
    ...SURVIVAL,
    ...tracedBy(deps.tracing.queues),
  });
  worker.on('error', warnSparingly(deps.logger, 'queue connection'));
  worker.on('stalled', (id) => void tellStalled(deps, queue, id));
  try {
    await worker.waitUntilReady();
  } catch (error) {
    await worker.close(true).catch(() => {});
    throw error;
  }
  void worker.run().catch(warnSparingly(deps.logger, 'queue'));
  return worker;
}

/**
 * Runs the step of one queue job. Its log lines name the step's job and destination.
 * @throws {DelayedError} after the queue job was moved to the delayed ones, to be run again; other errors fail the queue job
 */
export async function runStep(deps: WorkerDeps, job: QueueJob, token: string | undefined): Promise<void> {
  const what = about(job);
  await withLogContext(what, async () => {
    const step = () => perform(deps, job).catch((error: unknown) => whenFailed(deps, error));
    const outcome = await deps.stepsAtWork.run(what, step);
    if (outcome.outcome === 'done') return;
    const delay = outcome.delayMs ?? backoff(job.attemptsStarted);
    deps.logger.info({ delay, why: outcome.why }, 'step will be repeated');
    await job.moveToDelayed(Date.now() + delay, token);
    throw new DelayedError();
  });
}

/** A step that another worker has taken over ends here. */
function whenFailed({ logger }: WorkerDeps, error: unknown): StepOutcome {
  if (error instanceof StepOvertaken) {
    logger.warn(error.message);
    return DONE;
  }
  if (isTooNew(error)) return FOR_NEWER;
  logger.error({ err: error }, 'step failed');
  throw error;
}

/** What is known of a step before its job is read. */
function about({ name, data }: QueueJob) {
  const { jobId, destination = null, scope } = data ?? {};
  if (jobId === undefined) return { step: name, scope };
  const at = destination === null ? { account: null, region: null } : parseScope(destination);
  return { step: name, job: jobId, destination, ...at, requestId: null };
}

async function tellStalled(
  { logger, store, producer }: WorkerDeps,
  queue: string,
  id: string,
): Promise<void> {
  const step = await producer.find(queue, id).catch(() => null);
  const { jobId, destination = null } = step?.data ?? {};
  const job = jobId === undefined ? null : await store.get(jobId).catch(() => null);
  const told = job === null ? {} : aboutJob(job, destination);
  logger.warn({ queueJob: id, step: step?.name, ...told }, 'step of a dead or paused worker taken over');
}

async function perform(deps: WorkerDeps, { name, data }: QueueJob): Promise<StepOutcome> {
  if (isStep(name) && !(Number(data?.v) > PAYLOAD_VERSION))
    return inTrace(deps, name, data, () => STEPS[name](deps, data));
  return FOR_NEWER;
}

function isStep(name: string): name is StepName {
  return name in STEPS;
}
