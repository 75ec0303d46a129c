import type { CopyJob } from '../../src/http/schemas/job.ts';
import { afterEvent, progressView } from './progress.ts';
import type { Stage } from './scene.ts';

/** The time limit: ten times the 8 s of a simulated copy, for busy machines. */
export const PATIENCE_MS = 90_000;

/** Shows the progress of a job until it ends. @throws unless every destination succeeded */
export async function follow({ client, screen, signal }: Stage, accepted: CopyJob): Promise<CopyJob> {
  const show = progressView(screen);
  const patience = AbortSignal.timeout(PATIENCE_MS);
  let job = accepted;
  let count = 0;
  show(job);
  try {
    for await (const event of client.events(job.id, AbortSignal.any([signal, patience]))) {
      count += 1;
      job = afterEvent(job, event);
      show(job);
    }
  } catch (error) {
    if (!patience.aborted) throw error;
    throw new Error(`Job ${job.id} has not ended after ${PATIENCE_MS / 1000} s`, { cause: error });
  }
  screen.keep();
  job = await client.job(job.id);
  if (job.state !== 'succeeded') throw new Error(`The job ended ${job.state}.\n${reasons(job)}`);
  screen.line(`  ${count} events received`);
  return job;
}

function reasons(job: CopyJob): string {
  return job.destinations
    .map((one) => `  ${one.account} ${one.region}: ${one.state} ${one.error?.message ?? ''}`)
    .join('\n');
}
