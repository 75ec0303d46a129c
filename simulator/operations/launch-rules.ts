import { AwsError } from '../errors.ts';
import { blockPublicAccessOf } from '../state/block-public-access.ts';
import { isEncrypted, type Image } from '../state/image.ts';
import { snapshotsOf } from '../state/lookup.ts';
import { changed, isPublic, requireWellFormed, type Grantee } from '../state/permissions.ts';
import type { Snapshot } from '../state/snapshot.ts';
import type { World } from '../state/world.ts';
import type { Request } from './operation.ts';

/** Whether a snapshot is encrypted under the AWS managed key, which no other account can use. */
export function isUnderAwsManagedKey(world: World, snapshot: Snapshot): boolean {
  const { kmsKeyId, ownerId, region } = snapshot;
  return kmsKeyId !== undefined && world.findKey(ownerId, region, kmsKeyId)?.manager === 'AWS';
}

/**
 * Checks EC2's rules for new launch permissions, before anything changes.
 * @throws AwsError InvalidAMIAttributeItemValue, InvalidParameter, OperationNotPermitted, ResourceLimitExceeded
 */
export function requireShareable(
  request: Request,
  image: Image,
  add: readonly Grantee[],
  remove: readonly Grantee[],
): void {
  const { world } = request;
  requireWellFormed([...add, ...remove], 'InvalidAMIAttributeItemValue', image.region);
  if (add.length === 0) return;
  // EC2's behaviour is unknown, so the simulator is strict.
  if (add.some(({ value }) => value === image.ownerId))
    throw new AwsError('InvalidAMIAttributeItemValue', `Account ${image.ownerId} owns ${image.imageId}`);
  if (snapshotsOf(world, image).some((snapshot) => isUnderAwsManagedKey(world, snapshot))) {
    throw new AwsError('InvalidParameter', "Snapshots encrypted with the AWS Managed CMK can't be shared");
  }
  if (add.some(({ kind }) => kind === 'group')) requirePublishable(request, image);
  const { sharees } = world.settings;
  const next = changed(image.launchPermissions, add, remove);
  if ([...next.values()].filter(({ kind }) => kind !== 'group').length > sharees) {
    throw new AwsError(
      'ResourceLimitExceeded',
      `An AMI can be shared with at most ${sharees} entities in a region`,
    );
  }
}

function requirePublishable({ world, account, region }: Request, image: Image): void {
  if (isEncrypted(image)) {
    throw new AwsError('InvalidParameter', "Images with encrypted snapshots can't be made public");
  }
  if (image.productCodes.length > 0) {
    throw new AwsError('OperationNotPermitted', "Images with product codes can't be made public");
  }
  if (blockPublicAccessOf(world, account, region) === 'block-new-sharing') {
    throw new AwsError(
      'OperationNotPermitted',
      "This image can't be made public: block public access is enabled for AMIs in this account and Region",
    );
  }
  const { publicImages } = world.settings;
  const others = [...world.region(region).images.values()].filter(
    (other) => other !== image && other.ownerId === account && isPublic(other.launchPermissions),
  );
  if (others.length >= publicImages) {
    throw new AwsError(
      'ResourceLimitExceeded',
      `You have reached the limit of ${publicImages} public images in ${region}`,
    );
  }
}
