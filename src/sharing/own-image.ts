import type { Image, Scope } from '../domain/ami.ts';
import { snapshotIdsOf } from '../domain/ami.ts';
import type { SharingReads } from './deps.ts';
import { ifKnown } from './facts.ts';

/**
 * Whether EC2 shows, in one DescribeSnapshots, that an image and all of its snapshots are this account's own: EC2 lists each snapshot
 * among the account's own, with the image's owner. `false` says only that this does not show it: an answer may be stale or refused,
 * and an image from an instance store has no snapshots.
 * @throws {AwsError} throttling
 */
export async function isShownAsOwn(
  { gateway }: Pick<SharingReads, 'gateway'>,
  scope: Scope,
  image: Image,
): Promise<boolean> {
  const ids = snapshotIdsOf([image]);
  const own = (await ifKnown(gateway.describeSnapshots(scope, ids))) ?? [];
  const isOwn = (id: string) =>
    own.some(({ snapshotId, ownerId }) => snapshotId === id && ownerId === image.ownerId);
  return ids.length > 0 && ids.every(isOwn);
}
