import { AwsError } from '../errors.ts';
import { partitionOf } from '../regions.ts';
import { accessKeyFor, type Caller } from '../wire/caller.ts';
import type { Parameters } from '../wire/parameters.ts';
import type { XmlObject } from '../wire/xml.ts';

type StsOperation = (caller: Caller, parameters: Parameters) => XmlObject;

const getCallerIdentity: StsOperation = ({ account, region }) => ({
  Arn: `arn:${partitionOf(region)}:iam::${account}:user/simulated`,
  UserId: 'AIDASIMULATED',
  Account: account,
});

/** AssumeRole: returns credentials whose access key id contains the role's account. Every caller may assume every role. */
const assumeRole: StsOperation = ({ region }, parameters) => {
  const role = /^arn:aws[a-z-]*:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(parameters.required('RoleArn'));
  const session = parameters.required('RoleSessionName');
  const [, account, name] = role ?? [];
  if (account === undefined)
    throw new AwsError('ValidationError', `${parameters.text('RoleArn')} is invalid`);
  return {
    AssumedRoleUser: {
      AssumedRoleId: `AROASIMULATED:${session}`,
      Arn: `arn:${partitionOf(region)}:sts::${account}:assumed-role/${name}/${session}`,
    },
    Credentials: {
      AccessKeyId: accessKeyFor(account),
      SecretAccessKey: 'simulated',
      SessionToken: 'simulated',
      Expiration: new Date(Date.now() + (parameters.integer('DurationSeconds') ?? 3600) * 1000).toISOString(),
    },
  };
};

export const stsOperations: ReadonlyMap<string, StsOperation> = new Map([
  ['AssumeRole', assumeRole],
  ['GetCallerIdentity', getCallerIdentity],
]);
