import type { Job } from '../domain/job.ts';
import type { Message } from '../domain/delivery.ts';
import type { AttemptResult } from '../domain/webhooks.ts';
import { giveUp, recordAttempt, webhookId, withoutEndpoint } from '../domain/webhooks.ts';
import type { DeliveryPayload } from '../queue/jobs.ts';
import { aboutJob, noteInLog } from '../logging/log-context.ts';
import { changeJob } from './change-job.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';

/** How much two processes' values of the shared clock may differ, milliseconds. */
const SKEW = 1000;

/**
 * Makes one try of one delivery, and records the result; the sweep wakes the next try when it is due. If a worker dies after
 * sending, the same message is sent again under the same id, by which the receiver detects the duplicate.
 */
export async function deliverWebhook(
  deps: WorkerDeps,
  { jobId, delivery: n }: DeliveryPayload,
): Promise<StepOutcome> {
  const [job, message] = await Promise.all([deps.store.get(jobId), deps.store.deliveries.message(jobId, n)]);
  if (job === null || message === null) return DONE;
  const { delivery } = message;
  if (delivery.nextAt === null || delivery.nextAt > deps.store.now() + SKEW) return DONE;
  noteInLog(aboutJob(job, delivery.destination));
  const free = deps.webhookSender.reserve(delivery.url, job.requestedBy);
  // The queue job is delayed instead of blocking the worker, which runs other steps meanwhile.
  if (free === null)
    return {
      outcome: 'again',
      why: 'the limit of messages under way, to its host or of its caller, is reached',
    };
  const result = await attempt(deps, job, message).finally(free);
  deps.metrics.webhookAttempt(result.outcome);
  const about = { delivery: n, event: delivery.event, host: new URL(delivery.url).host };
  deps.logger.info({ ...about, ...result }, 'webhook');
  await deps.store.deliveries.change(jobId, n, recordAttempt(result, deps.settings.webhookTimes));
  if (result.outcome === 'gone') await stopNotifying(deps, jobId, delivery.url);
  return DONE;
}

async function attempt(
  { goneEndpoints: gone, webhookSender: sender, store }: WorkerDeps,
  job: Job,
  { delivery, body }: Message,
): Promise<AttemptResult> {
  const { url } = delivery;
  if (delivery.attempts.length === 0 && (await gone.has(url))) return { outcome: 'gone' };
  const ownOnly = job.ownSecrets.includes(url);
  const result = await sender.send({
    id: webhookId(job.id, delivery),
    url,
    body,
    ownOnly,
    now: store.now(),
  });
  if (result.outcome === 'gone') await gone.add(url);
  if (result.outcome === 'delivered') await gone.remove(url);
  return result;
}

/** Gives up all pending deliveries of a job to an endpoint that answered 410, and makes no more. */
async function stopNotifying(deps: WorkerDeps, jobId: string, url: string): Promise<void> {
  const { store } = deps;
  await changeJob(deps, jobId, withoutEndpoint(url));
  const all = (await store.deliveries.ofJobs([jobId])).get(jobId) ?? [];
  const pending = all.filter((one) => one.url === url && one.state === 'pending');
  await Promise.all(pending.map(({ n }) => store.deliveries.change(jobId, n, giveUp)));
}
