import type { Job as QueueJob } from 'bullmq';
import { DelayedError, Worker } from 'bullmq';
import type { RedisClient } from '../redis-client.ts';
import { warnSparingly } from '../logging.ts';
import type { StepName } from '../queue/jobs.ts';
import { PAYLOAD_VERSION, STEPS_QUEUE } from '../queue/jobs.ts';
import { tracedBy } from '../queue/producer.ts';
import { backoff } from './backoff.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import { inTrace } from './in-trace.ts';
import { StepOvertaken } from './step-overtaken.ts';
import { STEPS } from './registry.ts';

export interface RunnerOptions {
  prefix: string;
  concurrency: number;
}

/**
 * BullMQ's settings for work that must go on within seconds of a worker's death: a lock of 3 s, renewed while the
 * process lives, looked after every 2 s. A step that outlives many workers is still not given up.
 */
const SURVIVAL = { lockDuration: 3000, stalledInterval: 2000, maxStalledCount: 1_000_000 } as const;

/** Milliseconds after which a payload of a newer version is offered again, to a newer worker. */
const NEWER_VERSION_DELAY = 5000;

/**
 * Takes steps off the queue and does them. `redis` must be a patient connection: BullMQ blocks on it. Rejects with what keeps BullMQ
 * from starting: one that runs all the same would try again at once for ever, and let nothing else in its process happen.
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
  worker.on('failed', (job, error) => deps.logger.error({ err: error, ...about(job) }, 'step failed'));
  worker.on('stalled', (id) =>
    deps.logger.warn({ queueJob: id }, 'step of a dead or paused worker taken over'),
  );
  try {
    await worker.waitUntilReady();
  } catch (error) {
    await worker.close(true).catch(() => {});
    throw error;
  }
  void worker.run().catch(warnSparingly(deps.logger, 'queue'));
  return worker;
}

async function runStep(deps: WorkerDeps, job: QueueJob, token: string | undefined): Promise<void> {
  const outcome = await perform(deps, job).catch((error: unknown) => whenOvertaken(deps, job, error));
  if (outcome.outcome === 'done') return;
  const delay = outcome.delayMs ?? backoff(job.attemptsStarted);
  deps.logger.info({ ...about(job), delay, why: outcome.why }, 'step to be done again');
  await job.moveToDelayed(Date.now() + delay, token);
  throw new DelayedError();
}

/** A step that another worker has taken over is over. */
function whenOvertaken(deps: WorkerDeps, job: QueueJob, error: unknown): StepOutcome {
  if (!(error instanceof StepOvertaken)) throw error;
  deps.logger.warn(about(job), error.message);
  return DONE;
}

/** What a log line says of a step; a job is `job` in every line of the service. */
function about(job: QueueJob | undefined): object {
  const { jobId, destination, scope } = job?.data ?? {};
  return { step: job?.name, job: jobId, destination, scope };
}

async function perform(deps: WorkerDeps, { name, data }: QueueJob): Promise<StepOutcome> {
  if (isStep(name) && !(Number(data?.v) > PAYLOAD_VERSION))
    return inTrace(deps, name, data, () => STEPS[name](deps, data));
  return { outcome: 'again', why: 'made for a newer worker', delayMs: NEWER_VERSION_DELAY };
}

function isStep(name: string): name is StepName {
  return name in STEPS;
}
