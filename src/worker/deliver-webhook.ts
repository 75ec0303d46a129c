import { scopeKey } from '../domain/ami.ts';
import type { Job } from '../domain/job.ts';
import type { Delivery } from '../domain/delivery.ts';
import type { AttemptResult } from '../domain/webhooks.ts';
import { recordAttempt, webhookId } from '../domain/webhooks.ts';
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
  const job = await deps.store.get(jobId);
  const delivery = job?.deliveries.find((one) => one.n === n);
  if (job === null || delivery === undefined || delivery.nextAt === null) return DONE;
  if (delivery.nextAt > deps.store.now() + SKEW) return DONE;
  noteInLog(aboutJob(job, destinationTold(delivery)));
  const free = deps.webhookSender.reserve(delivery.url, job.requestedBy);
  // The queue job is delayed instead of blocking the worker, which runs other steps meanwhile.
  if (free === null)
    return {
      outcome: 'again',
      why: 'the limit of messages under way, to its host or of its caller, is reached',
    };
  const result = await attempt(deps, job, delivery).finally(free);
  deps.metrics.webhookAttempt(result.outcome);
  const told = { delivery: n, event: delivery.event, host: new URL(delivery.url).host };
  deps.logger.info({ ...told, ...result }, 'webhook');
  await changeJob(deps, jobId, recordAttempt(n, result, deps.settings.webhookTimes));
  return DONE;
}

/** The destination whose end is reported; `null` for the end of the job. */
function destinationTold({ data }: Delivery): string | null {
  const destination = 'destination' in data ? data.destination : null;
  if (typeof destination !== 'object' || destination === null) return null;
  if (!('account' in destination) || !('region' in destination)) return null;
  return scopeKey({ account: String(destination.account), region: String(destination.region) });
}

async function attempt(deps: WorkerDeps, job: Job, delivery: Delivery): Promise<AttemptResult> {
  const { url } = delivery;
  const { goneEndpoints: gone, webhookSender: sender } = deps;
  if (delivery.attempts.length === 0 && (await gone.has(url))) return { outcome: 'gone' };
  const body = JSON.stringify({
    type: delivery.event,
    timestamp: new Date(delivery.at).toISOString(),
    data: delivery.data,
  });
  const ownOnly = job.ownSecrets?.includes(url) ?? false;
  const result = await sender.send({
    id: webhookId(job, delivery),
    url,
    body,
    ownOnly,
    now: deps.store.now(),
  });
  if (result.outcome === 'gone') await gone.add(url);
  if (result.outcome === 'delivered') await gone.remove(url);
  return result;
}
