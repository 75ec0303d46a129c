import type { Scene, Stage } from './scene.ts';
import { table } from './table.ts';

const ACCOUNT = '222222222222';
/** The image that the simulator seeds encrypted under aws/ebs. */
const UNSHAREABLE = 'ami-0a1b2c3d4e5f60003';

export const shareScene: Scene = {
  title: `Share the copies with account ${ACCOUNT}`,
  async play(stage) {
    const { client, screen } = stage;
    const permissions = { accounts: [ACCOUNT] };
    screen.line(`  PUT /amis/{imageId}/permissions  ${JSON.stringify(permissions)}`);
    const copies = await client.newestCopies();
    for (const { imageId, region } of copies) await share(stage, imageId, region);
    screen.line();
    const views = await Promise.all(copies.map(({ imageId, region }) => client.permissions(imageId, region)));
    const rows = views.map((view) => [view.imageId, view.region, view.visibility, view.accounts.join(', ')]);
    for (const line of table(['copy', 'region', 'visibility', 'accounts'], rows)) screen.line(`  ${line}`);
    screen.line();
    const refused = await client.permissions(UNSHAREABLE, 'us-east-1');
    screen.line(`  ${UNSHAREABLE} can't be shared, and GET …/permissions says why before any attempt:`);
    for (const { message } of refused.shareable.reasons) screen.line(`  - ${message}`);
  },
};

/** @throws unless the change succeeded, and the image is shared with nobody else */
async function share({ client }: Stage, imageId: string, region: string): Promise<void> {
  const job = await client.share(imageId, region, { accounts: [ACCOUNT] });
  if (job.state !== 'succeeded') {
    throw new Error(`Sharing ${imageId} in ${region} ended ${job.state}: ${job.error?.message ?? ''}`);
  }
}
