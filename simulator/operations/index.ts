import * as blockPublicAccess from './block-public-access.ts';
import { copyImage } from './copy-image.ts';
import { deleteSnapshot, deregisterImage } from './deregister-image.ts';
import { describeImages } from './describe-images.ts';
import { describeRegions } from './describe-regions.ts';
import { describeSnapshots } from './describe-snapshots.ts';
import * as encryption from './ebs-encryption.ts';
import * as imageAttributes from './image-attributes.ts';
import * as lifecycle from './image-lifecycle.ts';
import type { Operation } from './operation.ts';
import * as snapshotAttributes from './snapshot-attributes.ts';
import * as tags from './tags.ts';

/** Every EC2 action that is simulated. */
export const operations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['CopyImage', copyImage],
  ['CreateTags', tags.createTags],
  ['DeleteSnapshot', deleteSnapshot],
  ['DeleteTags', tags.deleteTags],
  ['DeregisterImage', deregisterImage],
  ['DescribeImageAttribute', imageAttributes.describeImageAttribute],
  ['DescribeImages', describeImages],
  ['DescribeRegions', describeRegions],
  ['DescribeSnapshotAttribute', snapshotAttributes.describeSnapshotAttribute],
  ['DescribeSnapshots', describeSnapshots],
  ['DescribeTags', tags.describeTags],
  ['DisableEbsEncryptionByDefault', encryption.setEbsEncryptionByDefault(false)],
  ['DisableImage', lifecycle.disableImage],
  ['DisableImageBlockPublicAccess', blockPublicAccess.disableImageBlockPublicAccess],
  ['DisableImageDeprecation', lifecycle.disableImageDeprecation],
  ['EnableEbsEncryptionByDefault', encryption.setEbsEncryptionByDefault(true)],
  ['EnableImage', lifecycle.enableImage],
  ['EnableImageBlockPublicAccess', blockPublicAccess.enableImageBlockPublicAccess],
  ['EnableImageDeprecation', lifecycle.enableImageDeprecation],
  ['GetEbsDefaultKmsKeyId', encryption.getEbsDefaultKmsKeyId],
  ['GetEbsEncryptionByDefault', encryption.getEbsEncryptionByDefault],
  ['GetImageBlockPublicAccessState', blockPublicAccess.getImageBlockPublicAccessState],
  ['ModifyEbsDefaultKmsKeyId', encryption.modifyEbsDefaultKmsKeyId],
  ['ModifyImageAttribute', imageAttributes.modifyImageAttribute],
  ['ModifySnapshotAttribute', snapshotAttributes.modifySnapshotAttribute],
  ['ResetEbsDefaultKmsKeyId', encryption.resetEbsDefaultKmsKeyId],
  ['ResetImageAttribute', imageAttributes.resetImageAttribute],
  ['ResetSnapshotAttribute', snapshotAttributes.resetSnapshotAttribute],
]);
