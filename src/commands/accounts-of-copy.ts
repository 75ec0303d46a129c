import type { Image } from '../domain/ami.ts';
import type { Warning } from '../domain/job.ts';
import { ownerLeftOut } from '../domain/job.ts';
import type { PermissionRequest } from '../domain/permissions.ts';
import { withoutOwner } from '../domain/permissions.ts';
import { AmiferryError } from '../errors.ts';
import { ifKnown } from '../sharing/facts.ts';
import { hiddenSnapshots, notShared } from '../sharing/foreign-snapshots.ts';
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
  const owners = await ifKnown(sourceFacts.snapshotOwners(image));
  const { imageId, account, ownerId, region, productCodes } = image;
  const isOwn = ownerId === account;
  if (!isOwn && productCodes.length > 0) {
    const message = `${imageId} belongs to account ${ownerId} and has product codes (${productCodes.join(', ')}), such as those of AWS Marketplace: EC2 lets only its owner copy it. Launch an instance of it in this account (subscribe to the product first), create an image of the instance, and copy that`;
    throw new AmiferryError('foreign-product-codes', message);
  }
  const hidden = owners === null ? [] : hiddenSnapshots(owners);
  if (hidden.length > 0) throw notShared(image, hidden, 'copy it');
  if (isOwn || !copyTags) return [];
  const message = `${imageId} belongs to account ${ownerId}, and EC2 copies none of its tags except those that begin with ec2:SharedTag/: put the tags that the copies should have into "tags"`;
  return [{ code: 'tags-not-copied', message, account, region }];
}

/** Removes the owner of the copies from the accounts that they are shared with: it needs no permission. */
export function leaveOwnerOut(
  { account, region }: Image,
  asked: PermissionRequest | null,
): { permissions: PermissionRequest | null; left: Warning[] } {
  if (asked === null || asked.accounts.length === 0) return { permissions: asked, left: [] };
  const { set, wasNamed } = withoutOwner(asked, account);
  return { permissions: set, left: wasNamed ? [ownerLeftOut(account, { account, region })] : [] };
}
