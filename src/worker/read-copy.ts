import type { CopyJob, Destination } from '../domain/job.ts';
import { findDestination } from '../domain/job.ts';
import { aboutJob, noteInLog } from '../logging/log-context.ts';
import type { DestinationPayload } from '../queue/jobs.ts';
import type { WorkerDeps } from './deps.ts';

export interface CopyInHand {
  job: CopyJob;
  destination: Destination;
}

/** The destination that a wake-up names, as its record is now; `null` when the destination is no longer at that attempt. */
export async function readCopy(
  { store }: WorkerDeps,
  ref: Omit<DestinationPayload, 'v'>,
): Promise<CopyInHand | null> {
  const job = await store.get(ref.jobId);
  const destination = job?.kind === 'copy' ? findDestination(job, ref.destination) : undefined;
  if (job?.kind !== 'copy' || destination?.attempts !== ref.attempt) return null;
  if (destination === undefined) return null;
  noteInLog(aboutJob(job, ref.destination));
  return { job, destination };
}
