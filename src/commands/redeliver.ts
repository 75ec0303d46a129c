import type { Principal } from '../domain/access.ts';
import type { Job } from '../domain/job.ts';
import { AmiferryError } from '../errors.ts';
import type { Claim } from '../store/idempotency.ts';
import { acceptedFor } from './authorise.ts';
import type { CommandDeps } from './deps.ts';
import { requireJob } from './require-job.ts';

/**
 * Sends one message of a job again with the same webhook-id, after it was delivered or had failed.
 * @throws {AmiferryError} `job-not-found`, `delivery-not-found`
 */
export async function redeliverWebhook(
  deps: CommandDeps,
  id: string,
  n: number,
  principal: Principal,
  claim: Claim | null = null,
): Promise<Job> {
  const job = await requireJob(deps, id, principal);
  const entry = acceptedFor(deps, principal, 'redeliver', job, { delivery: n });
  const result = await deps.store.redeliver(id, n, { receipt: claim?.receipt(id), audit: entry });
  if (result.outcome === 'missing') throw new AmiferryError('job-not-found', `there is no job ${id}`);
  if (result.outcome !== 'changed')
    throw new AmiferryError('delivery-not-found', `job ${id} has no delivery ${n}`);
  deps.audit.log(entry);
  return result.job;
}
