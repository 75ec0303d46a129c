/**
 * The commercial regions of AWS (the `aws` partition), opt-in ones included. A region is checked against
 * this list, because a caller's word must never become a host name: the SDK builds `ec2.<region>.amazonaws.com`.
 * AWS adds regions now and then; the REGIONS setting replaces the list without a new release.
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

/** The form of a region's name; being of the form does not make it exist. */
export const REGION_PATTERN = '^[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}$';

/** The partition that a region is in, as ARNs name it. Copies never cross partitions. */
export function partitionOf(region: string): string {
  const [, partition = 'aws'] = PARTITIONS.find(([prefix]) => region.startsWith(prefix)) ?? [];
  return partition;
}

/** The partition that an ARN names; `null` for what is no ARN. */
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
