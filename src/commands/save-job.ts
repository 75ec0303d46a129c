import type { AuditEntry } from '../domain/audit.ts';
import { newJobId } from '../domain/job-id.ts';
import type { Job } from '../domain/job.ts';
import type { Claim } from '../store/idempotency.ts';
import type { CommandDeps } from './deps.ts';

/** Makes the id of a new job. With an Idempotency-Key it is derived from the key. */
export function jobIdFor(claim: Claim | null, now: number): string {
  return claim?.jobId(now, 0) ?? newJobId(now);
}

/**
 * Saves a new job and its audit entry in one write, followed by the wake-up of its first step: once this returns, the job ends,
 * whatever process is killed. The write requires that the request's key has no receipt. So a job that already has the id belongs to
 * an earlier request whose key has expired, and the new job gets the next id.
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
    // Without a key the id is taken only if ioredis repeated its own write, because the reply was lost.
    if (outcome === 'exists' && claim !== null) continue;
    audit.log(named.entry);
    return named.job;
  }
}
