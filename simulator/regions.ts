/** The regions of every account, and opt-in regions, which no simulated account has enabled. */
const enabledByDefault = [
  'ap-northeast-1',
  'ap-northeast-2',
  'ap-northeast-3',
  'ap-south-1',
  'ap-southeast-1',
  'ap-southeast-2',
  'ca-central-1',
  'eu-central-1',
  'eu-north-1',
  'eu-west-1',
  'eu-west-2',
  'eu-west-3',
  'sa-east-1',
  'us-east-1',
  'us-east-2',
  'us-west-1',
  'us-west-2',
];

const optIn = [
  'af-south-1',
  'ap-east-1',
  'ap-east-2',
  'ap-south-2',
  'ap-southeast-3',
  'ap-southeast-4',
  'ap-southeast-5',
  'ap-southeast-6',
  'ap-southeast-7',
  'ca-west-1',
  'eu-central-2',
  'eu-south-1',
  'eu-south-2',
  'il-central-1',
  'me-central-1',
  'me-south-1',
  'mx-central-1',
];

/** Regions of other AWS partitions: an account is in one partition and sees only its regions. */
const ofOtherPartitions = [
  'us-gov-east-1',
  'us-gov-west-1',
  'cn-north-1',
  'cn-northwest-1',
  'eusc-de-east-1',
];

/** `opt-in-not-required` or `not-opted-in`, as EC2 returns it; `undefined` for a region that does not exist. */
export type OptInStatus = 'opt-in-not-required' | 'not-opted-in';

/** All regions with their status, sorted by status and then by name. */
export const regions: ReadonlyMap<string, OptInStatus> = new Map<string, OptInStatus>([
  ...enabledByDefault.map((name): [string, OptInStatus] => [name, 'opt-in-not-required']),
  ...optIn.map((name): [string, OptInStatus] => [name, 'not-opted-in']),
  ...ofOtherPartitions.map((name): [string, OptInStatus] => [name, 'opt-in-not-required']),
]);

const partitions: ReadonlyMap<string, string> = new Map([
  ['us-gov-', 'aws-us-gov'],
  ['cn-', 'aws-cn'],
  ['eusc-', 'aws-eusc'],
]);

/** The partition of a region, as in ARNs. */
export function partitionOf(region: string): string {
  for (const [prefix, partition] of partitions) if (region.startsWith(prefix)) return partition;
  return 'aws';
}
