/**
 * The commercial regions of AWS (the `aws` partition), opt-in regions included. A region is checked against this list, because
 * the SDK builds the host name `ec2.<region>.amazonaws.com` from it and a caller must not choose the host. AWS adds regions
 * from time to time: the REGIONS setting replaces the list without a new release.
 */
export const AWS_REGIONS = [
  'us-east-1', 'us-east-2', 'us-west-1', 'us-west-2',
  'af-south-1', 'ap-east-1', 'ap-east-2', 'ap-south-1', 'ap-south-2',
  'ap-northeast-1', 'ap-northeast-2', 'ap-northeast-3',
  'ap-southeast-1', 'ap-southeast-2', 'ap-southeast-3', 'ap-southeast-4', 'ap-southeast-5',
  'ap-southeast-6', 'ap-southeast-7',
  'ca-central-1', 'ca-west-1',
  'eu-central-1', 'eu-central-2', 'eu-north-1', 'eu-south-1', 'eu-south-2',
  'eu-west-1', 'eu-west-2', 'eu-west-3',
  'il-central-1', 'me-central-1', 'me-south-1', 'mx-central-1', 'sa-east-1',
]; // prettier-ignore

/** The form of a region's name. A name of this form need not exist. */
export const REGION_PATTERN = '^[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}$';

/** The partition that a region is in, as ARNs name it. Copies never cross partitions. */
export function partitionOf(region: string): string {
  const [, partition = 'aws'] = PARTITIONS.find(([prefix]) => region.startsWith(prefix)) ?? [];
  return partition;
}

/** The partition that an ARN names; `null` where the text is not an ARN. */
export function partitionInArn(arn: string): string | null {
  return /^arn:([^:]*):/.exec(arn)?.[1] ?? null;
}

const PARTITIONS = [
  ['cn-', 'aws-cn'],
  ['us-gov-', 'aws-us-gov'],
  ['eusc-', 'aws-eusc'],
  ['us-isob-', 'aws-iso-b'],
  ['us-isof-', 'aws-iso-f'],
  ['eu-isoe-', 'aws-iso-e'],
  ['us-iso-', 'aws-iso'],
] as const;
