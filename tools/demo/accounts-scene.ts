import { setTimeout as sleep } from 'node:timers/promises';
import type { CopyJob } from '../../src/http/schemas/job.ts';
import { SOURCE } from './copy-scene.ts';
import { follow, PATIENCE_MS } from './follow.ts';
import type { Scene, Stage } from './scene.ts';
import { table } from './table.ts';

const OWN = '111111111111';
const ACCOUNTS = ['222222222222', '333333333333'];
const REGIONS = ['eu-west-1', 'us-east-1'];
const KEY = 'alias/ami';

export const accountsScene: Scene = {
  title: `Copy the same image into the accounts ${ACCOUNTS.join(' and ')}, each under its own key`,
  async play(stage) {
    const { client, screen } = stage;
    const destinations = ACCOUNTS.flatMap((account) =>
      REGIONS.map((region) => ({ account, region, kmsKeyId: KEY })),
    );
    screen.line(
      `  POST /amis/${SOURCE}/copies  ${JSON.stringify({ destinations: destinations.slice(0, 1) })} and 3 more`,
    );
    const accepted = await client.requestCopy(SOURCE, { destinations });
    screen.line(`  202 Accepted, job ${accepted.id}`);
    screen.line();
    const job = await follow(stage, accepted);
    screen.line();
    showCopies(stage, job);
    screen.line();
    await showSource(stage);
  },
};

/** @throws unless each copy is encrypted under a key of its own account */
function showCopies({ screen }: Stage, { destinations }: CopyJob): void {
  const rows = destinations.map(({ imageId, account, region, kmsKeyId }) => [
    imageId ?? '',
    account,
    region,
    kmsKeyId ?? '',
  ]);
  for (const line of table(['copy', 'account', 'region', 'key'], rows)) screen.line(`  ${line}`);
  const wrong = destinations.filter(
    ({ account, region, kmsKeyId }) => kmsKeyId?.includes(`:${region}:${account}:key/`) !== true,
  );
  if (wrong.length > 0) throw new Error('A copy is not under a key of its own account and region.');
}

/** Shows that the source, which was shared for the copies, is private again. @throws if it is not */
async function showSource({ client, screen }: Stage): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  let view = await client.permissions(SOURCE, 'us-east-1');
  while (view.holds.length > 0 && performance.now() < deadline) {
    await sleep(200);
    view = await client.permissions(SOURCE, 'us-east-1');
  }
  screen.line(
    `  While they were made, ${SOURCE} was shared with both accounts. Now it is ${view.visibility} again:`,
  );
  const seen = await Promise.all(
    [OWN, ...ACCOUNTS].map((account) => client.isSeenBy(account, SOURCE, 'us-east-1')),
  );
  const rows = [OWN, ...ACCOUNTS].map((account, i) => [
    account,
    seen[i] === true ? 'sees it' : 'does not see it',
  ]);
  for (const line of table(['account', SOURCE], rows)) screen.line(`  ${line}`);
  if (view.visibility !== 'private' || seen.slice(1).includes(true))
    throw new Error(`${SOURCE} is still shared with ${view.accounts.join(', ')}.`);
}
