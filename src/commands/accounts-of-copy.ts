import type { Image } from '../domain/ami.ts';
import type { Warning } from '../domain/job.ts';
import { ownerLeftOut } from '../domain/job.ts';
import type { PermissionRequest } from '../domain/permissions.ts';
import { withoutOwner } from '../domain/permissions.ts';
import { AmiferryError } from '../errors.ts';
import { ifKnown } from '../permissions/facts.ts';
import { hiddenSnapshots, notShared } from '../permissions/foreign-snapshots.ts';
import type { CommandDeps } from './deps.ts';

/**
 * Checks a copy of another account's image for what EC2 would not copy. If the check can't be made, EC2 itself decides later.
 * @returns warnings about what the copies will lack
 * @throws {AmiferryError} `foreign-product-codes`, `foreign-snapshot`
 */
export async function ofAnotherAccount(
  { sourceFacts }: CommandDeps,
  image: Image,
  copyTags: boolean,
): Promise<Warning[]> {
  const [isOwn, owners] = await Promise.all([
    ifKnown(sourceFacts.isOwn(image)),
    ifKnown(sourceFacts.snapshotOwners(image)),
  ]);
  const { imageId, ownerId, region, productCodes } = image;
  if (isOwn === false && productCodes.length > 0) {
    const message = `${imageId} belongs to account ${ownerId} and has product codes (${productCodes.join(', ')}), such as those of AWS Marketplace: EC2 lets only its owner copy it. Launch an instance of it in this account (subscribe to the product first), create an image of the instance, and copy that`;
    throw new AmiferryError('foreign-product-codes', message);
  }
  const hidden = owners === null ? [] : hiddenSnapshots(owners);
  if (hidden.length > 0) throw notShared(image, hidden, 'copy it');
  if (isOwn !== false || !copyTags) return [];
  const message = `${imageId} belongs to account ${ownerId}, and EC2 copies none of its tags except those that begin with ec2:SharedTag/: put the tags that the copies should have into "tags"`;
  return [{ code: 'tags-not-copied', message, region }];
}

/** The owner of the copies is this service's own account. While its id is unknown, the worker removes it from the accounts. */
export async function leaveOwnerOut(
  { sourceFacts }: CommandDeps,
  image: Image,
  asked: PermissionRequest | null,
): Promise<{ permissions: PermissionRequest | null; left: Warning[] }> {
  if (asked === null || asked.accounts.length === 0) return { permissions: asked, left: [] };
  const account = await ifKnown(sourceFacts.ownAccount(image));
  const { set, wasNamed } = withoutOwner(asked, account);
  return { permissions: set, left: wasNamed ? [ownerLeftOut(account, image.region)] : [] };
}
