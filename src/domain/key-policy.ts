import type { PermissionSet } from './permissions.ts';
import { partitionOf } from './regions.ts';

/**
 * What an account needs on a key to launch (and copy) an image that is encrypted under it. Source: EC2 user guide, "Share an
 * AMI", and EBS user guide, "Share a KMS key". Source of Encrypt: Auto Scaling user guide, "Required key policy", for an
 * external account.
 */
const USE = [
  'kms:DescribeKey',
  'kms:Encrypt',
  'kms:Decrypt',
  'kms:ReEncrypt*',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
];

/**
 * The same as operations of a grant. The holder of the grant can grant these operations, and no others, to its service-linked
 * role of Auto Scaling.
 */
export const GRANT_OPERATIONS = [
  'DescribeKey',
  'CreateGrant',
  'Encrypt',
  'Decrypt',
  'ReEncryptFrom',
  'ReEncryptTo',
  'GenerateDataKey',
  'GenerateDataKeyWithoutPlaintext',
] as const;

type Condition = Record<string, Record<string, string | string[]>>;

export interface KeyPolicyStatement {
  Sid: string;
  Effect: 'Allow';
  Principal: '*' | { AWS: string[] };
  Action: string[];
  Resource: '*';
  Condition?: Condition;
}

/** The principals of the statements. A policy can't name organizations and units as principals. */
interface Grantees {
  sid: string;
  /** Their accounts, or `*`. */
  accounts: readonly string[];
  Principal: KeyPolicyStatement['Principal'];
  condition: Condition;
}

/**
 * The statements that a key's owner adds to its key policy, so that these principals can use what is encrypted under the key.
 * The statements come in groups of three. The second one lets the principals have AWS services (EC2) hold grants. The third one lets them
 * make the grant that their service-linked role of Auto Scaling needs: the principals make that call themselves, not through a
 * service, so GrantIsForAWSResource would refuse it.
 * @param region the key's region: its partition goes into the principals' ARNs
 */
export function keyPolicyStatements(
  sharees: Pick<PermissionSet, 'accounts' | 'organizations' | 'organizationalUnits'>,
  region: string,
): KeyPolicyStatement[] {
  return granteesOf(sharees, region).flatMap(
    ({ sid, accounts, Principal, condition }): KeyPolicyStatement[] => [
      {
        Sid: `AmiferryUseOfTheKey${sid}`,
        Effect: 'Allow',
        Principal,
        Action: USE,
        Resource: '*',
        ...(Object.keys(condition).length === 0 ? {} : { Condition: condition }),
      },
      {
        Sid: `AmiferryGrantsForAwsResources${sid}`,
        Effect: 'Allow',
        Principal,
        Action: ['kms:CreateGrant'],
        Resource: '*',
        Condition: { ...condition, Bool: { 'kms:GrantIsForAWSResource': 'true' } },
      },
      {
        Sid: `AmiferryGrantsForAutoScaling${sid}`,
        Effect: 'Allow',
        Principal,
        Action: ['kms:CreateGrant'],
        Resource: '*',
        Condition: {
          ...condition,
          StringLike: { 'kms:GranteePrincipal': accounts.map((one) => `${autoScalingRole(one, region)}*`) },
        },
      },
    ],
  );
}

function granteesOf(
  {
    accounts,
    organizations,
    organizationalUnits,
  }: Pick<PermissionSet, 'accounts' | 'organizations' | 'organizationalUnits'>,
  region: string,
): Grantees[] {
  const all: Grantees[] = [
    {
      sid: '',
      accounts,
      Principal: { AWS: accounts.map((account) => principalOf(account, region)) },
      condition: {},
    },
    {
      sid: 'ForOrganizations',
      accounts: ['*'],
      Principal: '*',
      condition: { StringEquals: { 'aws:PrincipalOrgID': organizations.map(lastPart) } },
    },
    {
      sid: 'ForUnits',
      accounts: ['*'],
      Principal: '*',
      condition: {
        'ForAnyValue:StringLike': { 'aws:PrincipalOrgPaths': organizationalUnits.map(pathOfUnit) },
      },
    },
  ];
  const lists = [accounts, organizations, organizationalUnits];
  return all.filter((_, i) => (lists[i] ?? []).length > 0);
}

function lastPart(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}

/** The ARN of a unit ends in organization/unit. Its path also has the root and the parent units in between. */
function pathOfUnit(arn: string): string {
  const [organization, unit] = arn.split('/').slice(-2);
  return `${organization}/*/${unit}/*`;
}

/**
 * An account as a principal, in the partition of a region. The principal is the account's root, so that the account's own
 * policies decide further.
 */
export function principalOf(account: string, region: string): string {
  return `arn:${partitionOf(region)}:iam::${account}:root`;
}

/** The role with which Auto Scaling launches in an account, unless a group names one with a suffix. */
function autoScalingRole(account: string, region: string): string {
  return `arn:${partitionOf(region)}:iam::${account}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling`;
}

/** The command with which an account lets its Auto Scaling groups launch what is encrypted under another account's key. */
export function createGrantCommand(region: string, keyId: string, account: string): string {
  return `aws kms create-grant --region ${region} --key-id ${keyId} --grantee-principal ${autoScalingRole(account, region)} --operations ${GRANT_OPERATIONS.join(' ')}`;
}

/** The name of the grant for one account and image. KMS answers the same name and parameters with the first grant again. */
export function grantName(imageId: string, account: string): string {
  return `amiferry/${imageId}/${account}`;
}

/** The name of the grant that an account has while an image is copied into it (holds.ts). */
export function holdGrantName(imageId: string, account: string): string {
  return `amiferry-hold/${imageId}/${account}`;
}
