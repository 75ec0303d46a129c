/**
 * What an account needs of a key to launch (and copy) what is encrypted under it. Source: EC2 user guide, "Share an
 * AMI", and EBS user guide, "Share a KMS key".
 */
const USE = [
  'kms:DescribeKey',
  'kms:Decrypt',
  'kms:ReEncrypt*',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
];

/** The same as operations of a grant. */
export const GRANT_OPERATIONS = [
  'DescribeKey',
  'CreateGrant',
  'Decrypt',
  'ReEncryptFrom',
  'ReEncryptTo',
  'GenerateDataKey',
  'GenerateDataKeyWithoutPlaintext',
] as const;

export interface KeyPolicyStatement {
  Sid: string;
  Effect: 'Allow';
  Principal: { AWS: string[] };
  Action: string[];
  Resource: '*';
  Condition?: Record<string, Record<string, string | string[]>>;
}

/**
 * The statements that a key's owner adds to its key policy, so that these accounts can use what is encrypted under it.
 * The second one lets them have AWS services (EC2) hold grants, and nobody else.
 */
export function keyPolicyStatements(accounts: readonly string[]): KeyPolicyStatement[] {
  const Principal = { AWS: accounts.map((account) => principalOf(account)) };
  return [
    { Sid: 'AmiferryUseOfTheKey', Effect: 'Allow', Principal, Action: USE, Resource: '*' },
    {
      Sid: 'AmiferryGrantsForAwsResources',
      Effect: 'Allow',
      Principal,
      Action: ['kms:CreateGrant'],
      Resource: '*',
      Condition: { Bool: { 'kms:GrantIsForAWSResource': 'true' } },
    },
  ];
}

/** An account as a principal: its root, which lets that account's own policies decide on. */
export function principalOf(account: string): string {
  return `arn:aws:iam::${account}:root`;
}

/** The name of the grant for one account and image: the same name and parameters give the first grant again. */
export function grantName(imageId: string, account: string): string {
  return `amiferry/${imageId}/${account}`;
}
