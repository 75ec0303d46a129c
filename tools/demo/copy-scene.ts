import type { CopyJob } from '../../src/http/schemas/job.ts';
import { afterEvent, progressView } from './progress.ts';
import type { Scene, Stage } from './scene.ts';
import { table } from './table.ts';

/** The image that the simulator seeds first: golden-web in us-east-1. */
const SOURCE = 'ami-0a1b2c3d4e5f60001';
const REGIONS = ['eu-west-1', 'us-west-2', 'ap-southeast-2'];
/** The time limit: ten times the 8 s of a simulated copy, for busy machines. */
const PATIENCE_MS = 90_000;

export const copyScene: Scene = {
  title: `Copy ${SOURCE} from us-east-1 to ${REGIONS.join(', ')}`,
  async play(stage) {
    const { client, screen } = stage;
    const destinations = REGIONS.map((region) => ({ region }));
    screen.line(`  POST /amis/${SOURCE}/copies  ${JSON.stringify({ destinations })}`);
    const accepted = await client.requestCopy(SOURCE, { destinations });
    screen.line(`  202 Accepted, job ${accepted.id}`);
    screen.line(`  GET /jobs/${accepted.id}/events`);
    screen.line();
    const job = await follow(stage, accepted);
    screen.line();
    await showCopies(stage, job);
  },
};

/** Shows the progress of a job until it ends. @throws unless every destination succeeded */
async function follow({ client, screen, signal }: Stage, accepted: CopyJob): Promise<CopyJob> {
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
    .map((one) => `  ${one.region}: ${one.state} ${one.error?.message ?? ''}`)
    .join('\n');
}

/** Reads each copy back from EC2 and prints it. @throws unless all are available. */
async function showCopies({ client, screen }: Stage, job: CopyJob): Promise<void> {
  const copies = await Promise.all(
    job.destinations.map((one) => client.image(one.imageId ?? '', one.region)),
  );
  const rows = copies.map((copy) => [copy.imageId, copy.region, copy.state, copy.name]);
  for (const line of table(['copy', 'region', 'state', 'name'], rows)) screen.line(`  ${line}`);
  const missing = copies.filter((copy) => copy.state !== 'available');
  if (missing.length > 0) throw new Error(`Not available: ${missing.map((copy) => copy.imageId).join(', ')}`);
}
