import { AwsError } from '../errors.ts';
import { partitionOf } from '../regions.ts';
import type { Settings } from '../settings.ts';
import { defaultAccount, sessionFor, type Caller } from '../wire/caller.ts';
import type { Parameters } from '../wire/parameters.ts';
import type { XmlObject } from '../wire/xml.ts';

type StsOperation = (caller: Caller, parameters: Parameters, settings: Settings) => XmlObject;

/** The external id in the trust policy of every role of another account. */
export const EXTERNAL_ID = 'simulated-external-id';

/** The shortest and the longest session, seconds. A role that is assumed by a role has an hour at most. */
const DURATION = { least: 900, most: 3600 };

const getCallerIdentity: StsOperation = ({ account, region }) => ({
  Arn: `arn:${partitionOf(region)}:iam::${account}:user/simulated`,
  UserId: 'AIDASIMULATED',
  Account: account,
});

/**
 * AssumeRole: returns credentials that contain the role's account. Every role exists. Its trust policy names account 111111111111
 * under the condition of {@link EXTERNAL_ID}, and its own account without a condition.
 */
const assumeRole: StsOperation = (caller, parameters, { sessionSeconds }) => {
  const arn = parameters.required('RoleArn');
  const session = sessionName(parameters);
  const [, account, name] = /^arn:aws[a-z-]*:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(arn) ?? [];
  if (account === undefined) throw new AwsError('ValidationError', `${arn} is invalid`);
  const seconds = parameters.integer('DurationSeconds') ?? DURATION.most;
  if (seconds < DURATION.least || seconds > DURATION.most) {
    const message =
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining';
    throw new AwsError('ValidationError', message);
  }
  requireTrust(caller, account, arn, parameters.text('ExternalId'));
  return {
    AssumedRoleUser: {
      AssumedRoleId: `AROASIMULATED:${session}`,
      Arn: `arn:${partitionOf(caller.region)}:sts::${account}:assumed-role/${name}/${session}`,
    },
    Credentials: sessionFor(account, Date.now() + Math.min(seconds, sessionSeconds) * 1000),
  };
};

function sessionName(parameters: Parameters): string {
  const name = parameters.required('RoleSessionName');
  if (!/^[\w+=,.@-]{2,64}$/.test(name)) throw new AwsError('ValidationError', `${name} is no session name`);
  return name;
}

function requireTrust({ account, region }: Caller, owner: string, arn: string, externalId?: string): void {
  if (account === owner || (account === defaultAccount && externalId === EXTERNAL_ID)) return;
  const user = `arn:${partitionOf(region)}:iam::${account}:user/simulated`;
  throw new AwsError(
    'AccessDenied',
    `User: ${user} is not authorized to perform: sts:AssumeRole on resource: ${arn}`,
  );
}

export const stsOperations: ReadonlyMap<string, StsOperation> = new Map([
  ['AssumeRole', assumeRole],
  ['GetCallerIdentity', getCallerIdentity],
]);
