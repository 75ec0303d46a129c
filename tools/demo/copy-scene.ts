import type { CopyJob } from '../../src/http/schemas/job.ts';
import { follow } from './follow.ts';
import type { Scene, Stage } from './scene.ts';
import { table } from './table.ts';

/** The image that the simulator seeds first: golden-web in us-east-1. */
export const SOURCE = 'ami-0a1b2c3d4e5f60001';
const REGIONS = ['eu-west-1', 'us-west-2', 'ap-southeast-2'];

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
