import { isDeepStrictEqual } from 'node:util';
import type { AuditEntry } from '../domain/audit.ts';
import { newJobId } from '../domain/job-id.ts';
import type { Job } from '../domain/job.ts';
import { AmiferryError } from '../errors.ts';
import type { Claim } from '../store/idempotency.ts';
import type { CommandDeps } from './deps.ts';

/** A new job's id. With an Idempotency-Key it follows from the key. */
export function jobIdFor(claim: Claim | null, now: number): string {
  return claim?.jobId(0) ?? newJobId(now);
}

/** How far the shared clock may be off, milliseconds. */
const CLOCK_ERROR = 1000;

/**
 * Saves a new job, with its entry in the audit and the wake-up of its first step, in one write: once this returns, the
 * job ends, whatever is killed. A job that is there already under the id that its Idempotency-Key gives is the answer,
 * if it is of the same request. Jobs are kept for longer than keys: where the key of that job has expired the request is a new
 * one, and gets the key's next id.
 * @throws {AmiferryError} `idempotency-key-reused`
 */
export async function saveJob(
  { store, audit }: Pick<CommandDeps, 'store' | 'audit'>,
  job: Job,
  claim: Claim | null,
  entry: AuditEntry,
  nth = 0,
): Promise<Job> {
  const outcome = await store.create(job, { receipt: claim?.receipt(job.id), audit: entry });
  if (outcome === 'created') {
    audit.log(entry);
    return job;
  }
  const saved = await store.get(job.id);
  if (claim !== null && saved !== null && isOfExpiredKey(saved, claim, store.now())) {
    const id = claim.jobId(nth + 1);
    return saveJob({ store, audit }, { ...job, id }, claim, { ...entry, jobId: id }, nth + 1);
  }
  if (saved === null || !isDeepStrictEqual(asked(saved), asked(job))) {
    const message = `this Idempotency-Key belongs to job ${job.id}, which is another request: a new request needs a new key`;
    throw new AmiferryError('idempotency-key-reused', message);
  }
  await audit.record(entry);
  return saved;
}

/** What has not ended yet still does what it was asked for. */
function isOfExpiredKey({ createdAt, finishedAt }: Job, { ttl }: Claim, now: number): boolean {
  return finishedAt !== null && now - createdAt >= ttl - CLOCK_ERROR;
}

/** What was asked for, without what became of it, as a record has it: in which order it stands there is of no matter. */
function asked(job: Job): unknown {
  const { kind, image } = job;
  const what =
    job.kind === 'permissions'
      ? job.change
      : [job.onFailure, job.permissions, job.destinations.map(({ spec }) => spec)];
  return JSON.parse(JSON.stringify([kind, image, what]));
}
