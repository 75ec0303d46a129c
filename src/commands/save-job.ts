import type { AuditEntry } from '../domain/audit.ts';
import { newJobId } from '../domain/job-id.ts';
import type { Job } from '../domain/job.ts';
import type { Claim } from '../store/idempotency.ts';
import type { CommandDeps } from './deps.ts';

/** A new job's id. With an Idempotency-Key it follows from the key. */
export function jobIdFor(claim: Claim | null, now: number): string {
  return claim?.jobId(now, 0) ?? newJobId(now);
}

/**
 * Saves a new job, with its entry in the audit and the wake-up of its first step, in one write: once this returns, the
 * job ends, whatever is killed. The write is made only where the key of the request has no receipt, so a job that has the id already
 * was made by an earlier request, whose key has expired: the new job gets the next id.
 * @throws {AmiferryError} `idempotency-key-in-progress`
 */
export async function saveJob(
  { store, audit }: Pick<CommandDeps, 'store' | 'audit'>,
  job: Job,
  claim: Claim | null,
  entry: AuditEntry,
): Promise<Job> {
  for (let taken = 0; ; taken += 1) {
    const id = claim?.jobId(job.createdAt, taken) ?? job.id;
    const named = { job: { ...job, id }, entry: { ...entry, jobId: id } };
    const outcome = await store.create(named.job, { receipt: claim?.receipt(id), audit: named.entry });
    // Without a key only ioredis finds the id taken, by its own write, which it sends again where the reply was lost.
    if (outcome === 'exists' && claim !== null) continue;
    audit.log(named.entry);
    return named.job;
  }
}
