import type { Image, Scope } from '../domain/ami.ts';
import { snapshotIdsOf } from '../domain/ami.ts';
import { ATTEMPT_TAG, JOB_TAG } from '../domain/copy-tags.ts';
import type { CopyJob } from '../domain/job.ts';
import type { Ec2Gateway } from '../ec2/gateway.ts';
import { imagesMadeBy } from './made-by.ts';

/**
 * Removes what a job's attempts before `attempt` left in a scope: failed images, and snapshots of any state. An image
 * that nobody uses is deregistered first, since EC2 keeps a snapshot as long as an image needs it.
 * @returns whether nothing was left when it looked again: EC2 may take a while to forget
 */
export async function removeEarlier(
  gateway: Ec2Gateway,
  scope: Scope,
  job: CopyJob,
  attempt: number,
): Promise<boolean> {
  const earlier = ({ tags }: Pick<Image, 'tags'>) => Number(tags[ATTEMPT_TAG]) < attempt;
  const images = (await imagesMadeBy(gateway, scope, job)).filter(earlier);
  for (const { imageId } of images) await gateway.deregisterImage(scope, imageId);
  return removeSnapshots(gateway, scope, job, snapshotIdsOf(images), earlier);
}

/** Deletes a job's snapshots in a scope: those that its tag finds, and those that its images named. */
export async function removeSnapshots(
  gateway: Ec2Gateway,
  scope: Scope,
  job: CopyJob,
  named: readonly string[],
  which: (snapshot: Pick<Image, 'tags'>) => boolean = () => true,
): Promise<boolean> {
  const find = async () => (await gateway.findSnapshots(scope, JOB_TAG, [job.id])).filter(which);
  const found = (await find()).map(({ snapshotId }) => snapshotId);
  const all = [...new Set([...named, ...found])];
  for (const snapshotId of all) await gateway.deleteSnapshot(scope, snapshotId);
  return all.length === 0 || (await find()).length === 0;
}
