import { copyImage } from './copy-image.ts';
import { describeImages } from './describe-images.ts';
import { describeSnapshots } from './describe-snapshots.ts';
import type { Operation } from './operation.ts';

/** Every EC2 action that is simulated. */
export const operations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['CopyImage', copyImage],
  ['DescribeImages', describeImages],
  ['DescribeSnapshots', describeSnapshots],
]);
