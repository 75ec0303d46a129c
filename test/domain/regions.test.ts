import { expect, test } from 'vitest';
import { partitionOf, REGION_PATTERN } from '../../src/domain/regions.ts';

test.each([
  ['us-east-1', 'aws'],
  ['eu-west-1', 'aws'],
  ['cn-north-1', 'aws-cn'],
  ['us-gov-west-1', 'aws-us-gov'],
  ['eusc-de-east-1', 'aws-eusc'],
  ['us-isob-east-1', 'aws-iso-b'],
])('%s is a region of the partition %s', (region, partition) => {
  expect(region).toMatch(new RegExp(REGION_PATTERN));
  expect(partitionOf(region)).toBe(partition);
});
