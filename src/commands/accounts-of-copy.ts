import type { Image } from '../domain/ami.ts';
import { snapshotIdsOf } from '../domain/ami.ts';
import type { CopySpec, Warning } from '../domain/job.ts';
import { ownerLeftOut } from '../domain/job.ts';
import type { PermissionRequest } from '../domain/permissions.ts';
import { NOBODY, plus, withoutOwner } from '../domain/permissions.ts';
import { AmiferryError } from '../errors.ts';
import { refusals } from '../domain/sharing-rules.ts';
import { refuse } from '../sharing/copy-checks.ts';
import { ifKnown, sharingFacts } from '../sharing/facts.ts';
import { hiddenSnapshots, notShared, readSettled } from '../sharing/foreign-snapshots.ts';
import type { CommandDeps } from './deps.ts';

/**
 * Checks a copy of another account's image, or into another account (`abroad`), for what EC2 would not copy. If the check can't be
 * made, EC2 itself decides later.
 * @returns warnings about what the copies will lack
 * @throws {AmiferryError} `foreign-product-codes`, `foreign-snapshot`
 */
export async function ofAnotherAccount(
  { sourceFacts }: CommandDeps,
  image: Image,
  copyTags: boolean,
  abroad: boolean,
): Promise<Warning[]> {
  const owners = await ifKnown(sourceFacts.snapshotOwners(image));
  const { imageId, account, ownerId, region, productCodes } = image;
  const isOwn = ownerId === account;
  if ((!isOwn || abroad) && productCodes.length > 0) {
    const message = `${imageId} belongs to account ${ownerId} and has product codes (${productCodes.join(', ')}), such as those of AWS Marketplace: EC2 lets only its owner copy it. Launch an instance of it in the account of the copy (subscribe to the product first), create an image of the instance, and copy that within the account`;
    throw new AmiferryError('foreign-product-codes', message);
  }
  const hidden = owners === null ? [] : hiddenSnapshots(owners);
  if (hidden.length > 0) throw notShared(image, hidden, 'copy it');
  if (isOwn || !copyTags) return [];
  const message = `${imageId} belongs to account ${ownerId}, and EC2 copies none of its tags except those that begin with ec2:SharedTag/: put the tags that the copies should have into "tags"`;
  return [{ code: 'tags-not-copied', message, account, region }];
}

/**
 * Checks that the accounts which the image is copied into can get what CopyImage needs there: its owner shares the image, its snapshots and
 * its keys with them while the copies are made (holds.ts). An image of another owner has to be shared already.
 * @throws {AmiferryError} `aws-managed-key`, `too-many-sharees`; `source-not-shared`, which names what each account lacks
 */
export async function requireSourceFor(
  deps: CommandDeps,
  image: Image,
  specs: readonly CopySpec[],
): Promise<void> {
  const abroad = specs.filter(({ account, hub }) => account !== image.account && hub === undefined);
  const accounts = [...new Set(abroad.map(({ account }) => account))];
  if (accounts.length === 0) return;
  if (image.ownerId !== image.account) return requireShared(deps, image, accounts);
  const permissions = await readSettled(deps, image, image);
  if (permissions.foreign.size > 0) return requireShared(deps, image, accounts);
  const facts = await sharingFacts(deps, image, image, { keys: true });
  const added = { ...NOBODY, accounts };
  refuse(refusals(facts, added, plus(permissions.state, added)));
}

async function requireShared(deps: CommandDeps, image: Image, accounts: readonly string[]): Promise<void> {
  const lacking = await Promise.all(accounts.map((account) => lackedBy(deps, image, account)));
  const reasons = lacking.filter((one) => one !== null);
  if (reasons.length === 0) return;
  const message = `${reasons.join('; ')}. Ask the owner of the image (account ${image.ownerId}) and of its snapshots to share both, and the key, with these accounts; or copy the image within account ${image.account}, and copy that image`;
  throw new AmiferryError('source-not-shared', message);
}

/** What an account lacks to copy an image; `null` where it lacks nothing, or where that may not be read. */
async function lackedBy({ gateway }: CommandDeps, image: Image, account: string): Promise<string | null> {
  const scope = { account, region: image.region };
  const seen = await ifKnown(gateway.describeImage(scope, image.imageId).then((one) => one !== null));
  if (seen === false) return `account ${account} does not see ${image.imageId}`;
  const owners = await ifKnown(gateway.snapshotOwners(scope, snapshotIdsOf([image])));
  const hidden = owners === null ? [] : hiddenSnapshots(owners);
  return hidden.length === 0 ? null : `account ${account} does not see ${hidden.join(', ')}`;
}

/**
 * Removes the owner of the copies from the accounts that they are shared with: it needs no permission. Copies into several accounts
 * have several owners: there the worker leaves each one out of its own copy.
 */
export function leaveOwnerOut(
  { account, region }: Image,
  asked: PermissionRequest | null,
  abroad: boolean,
): { permissions: PermissionRequest | null; left: Warning[] } {
  if (asked === null || abroad || asked.accounts.length === 0) return { permissions: asked, left: [] };
  const { set, wasNamed } = withoutOwner(asked, account);
  return { permissions: set, left: wasNamed ? [ownerLeftOut(account, { account, region })] : [] };
}
