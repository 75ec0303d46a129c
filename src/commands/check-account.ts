import type { Ec2Change } from '../aws/ec2/dry-runs.ts';
import { CHANGES } from '../aws/ec2/dry-runs.ts';
import type { DryRuns } from '../aws/ec2/dry-runs.ts';
import type { Ec2Gateway } from '../aws/ec2/gateway.ts';
import type { KmsGateway } from '../aws/kms/gateway.ts';
import { AwsError, PASSING } from '../aws/aws-error.ts';
import type { Scope } from '../domain/ami.ts';
import { chunksOf } from '../domain/chunks.ts';
import { partitionOf } from '../domain/regions.ts';
import { AmiferryError } from '../errors.ts';
import type { CommandDeps } from './deps.ts';
import { notConfigured } from './require-account.ts';

/** The gateways with the roles that the worker assumes. */
export interface WorkerView {
  gateway: Pick<Ec2Gateway, 'disabledRegions'>;
  kms: Pick<KmsGateway, 'describeKey'>;
  dryRuns: Pick<DryRuns, 'run'>;
}

/** A statement of an IAM policy. */
export interface PolicyStatement {
  Effect: 'Allow';
  Action: string[];
  Resource: string[];
}

/** One thing that was checked. `unknown`: AWS' answer does not say whether it works. */
export interface AccountFinding {
  /** `role`, `region`, `key`, or an operation such as `ec2:CopyImage`. */
  what: string;
  /** `null`: it concerns all regions. */
  region: string | null;
  outcome: 'ok' | 'failed' | 'unknown';
  /** Why, and what to do; `null` where it works. */
  message: string | null;
  /** What the role's policy lacks. */
  statement: PolicyStatement | null;
}

export interface AccountCheck {
  account: string;
  /** Nothing failed. */
  ok: boolean;
  findings: AccountFinding[];
}

/** Regions that are checked at once, each with one call for each operation. */
const REGIONS_AT_ONCE = 3;

/**
 * Checks whether copies into an account would work: whether its role can be assumed, each of its regions is enabled, its key can be used,
 * and EC2 allows the calls. It changes nothing.
 * @throws {AmiferryError} `account-not-found`; what the calls met where AWS could not be asked
 */
export async function checkAccount(
  deps: Pick<CommandDeps, 'accounts' | 'ownAccount' | 'regions'> & { asWorker: WorkerView },
  account: string,
): Promise<AccountCheck> {
  const configured = deps.accounts.current().get(account);
  if (configured === undefined && account !== (await deps.ownAccount.get()))
    throw new AmiferryError('account-not-found', notConfigured(account));
  const regions = [...(configured?.regions ?? deps.regions)];
  const [first = ''] = regions;
  const role = await checkRole(deps.asWorker, { account, region: first });
  if (role.disabled === null) return { account, ok: false, findings: [role.finding] };
  const findings = [role.finding];
  for (const some of chunksOf(regions, REGIONS_AT_ONCE)) {
    const found = await Promise.all(
      some.map(async (region) =>
        role.disabled?.includes(region) === true
          ? [notEnabled(account, region)]
          : checkRegion(deps.asWorker, { account, region }, configured?.kmsKeyId ?? null),
      ),
    );
    findings.push(...found.flat());
  }
  return { account, ok: findings.every(({ outcome }) => outcome !== 'failed'), findings };
}

function fine(what: string, region: string | null): AccountFinding {
  return { what, region, outcome: 'ok', message: null, statement: null };
}

function wrong(what: string, region: string | null, message: string): AccountFinding {
  return { what, region, outcome: 'failed', message, statement: null };
}

/** The first call with the role's session also says which regions are not enabled; `null` where the role can't be used. */
async function checkRole(
  { gateway }: WorkerView,
  scope: Scope,
): Promise<{ finding: AccountFinding; disabled: string[] | null }> {
  try {
    return { disabled: await gateway.disabledRegions(scope), finding: fine('role', null) };
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    if (error.kind === 'credentials') return { disabled: null, finding: wrong('role', null, error.message) };
    if (error.kind !== 'denied') throw error;
    return { disabled: [], finding: { ...denied('ec2:DescribeRegions', null, error.message), what: 'role' } };
  }
}

function notEnabled(account: string, region: string): AccountFinding {
  const message = `${region} is not enabled in account ${account}: enable it (aws account enable-region --region-name ${region}), or take it out of the account's regions in ACCOUNTS_FILE`;
  return wrong('region', region, message);
}

async function checkRegion(
  asWorker: WorkerView,
  scope: Scope,
  kmsKeyId: string | null,
): Promise<AccountFinding[]> {
  const key = kmsKeyId === null ? [] : [await checkKey(asWorker, scope, kmsKeyId)];
  const changes = await Promise.all(CHANGES.map((change) => checkChange(asWorker, scope, change)));
  return [fine('region', scope.region), ...key, ...changes];
}

async function checkKey({ kms }: WorkerView, scope: Scope, kmsKeyId: string): Promise<AccountFinding> {
  const { region, account } = scope;
  const found = await kms.describeKey(scope, kmsKeyId);
  if (found.outcome === 'missing')
    return wrong(
      'key',
      region,
      `there is no key ${kmsKeyId} in account ${account} in ${region}: make it there, or name another one in ACCOUNTS_FILE`,
    );
  if (found.outcome === 'denied') return { ...denied('kms:DescribeKey', region, found.message), what: 'key' };
  const { enabled, symmetric, manager } = found.key;
  if (!enabled || !symmetric)
    return wrong(
      'key',
      region,
      `${kmsKeyId} is ${enabled ? 'asymmetric' : 'disabled, or being deleted'}: enable it, or name an enabled, symmetric key in ACCOUNTS_FILE`,
    );
  if (manager === 'AWS')
    return wrong(
      'key',
      region,
      `${kmsKeyId} is managed by AWS: copies under it can never be shared, so use a customer key`,
    );
  return fine('key', region);
}

async function checkChange(
  { dryRuns }: WorkerView,
  scope: Scope,
  change: Ec2Change,
): Promise<AccountFinding> {
  const what = `ec2:${change}`;
  try {
    const result = await dryRuns.run(scope, change);
    if (result.outcome === 'allowed') return fine(what, scope.region);
    if (result.outcome === 'denied') return denied(what, scope.region, result.message);
    return { what, region: scope.region, outcome: 'unknown', message: result.message, statement: null };
  } catch (error) {
    if (!(error instanceof AwsError) || !PASSING.has(error.kind)) throw error;
    return { what, region: scope.region, outcome: 'unknown', message: error.message, statement: null };
  }
}

/** AWS refuses an operation for lack of permission: the statement is what to add to the role's policy. */
function denied(action: string, region: string | null, message: string): AccountFinding {
  const statement = {
    Effect: 'Allow' as const,
    Action: [action],
    Resource: resourcesOf(action, region ?? '*'),
  };
  return { what: action, region, outcome: 'failed', message, statement };
}

function resourcesOf(action: string, region: string): string[] {
  if (action.startsWith('kms:')) return [`arn:${partitionOf(region)}:kms:${region}:*:key/*`];
  if (action === 'ec2:DescribeRegions') return ['*'];
  const arn = (kind: string) => `arn:${partitionOf(region)}:ec2:${region}::${kind}/*`;
  if (action.includes('Snapshot')) return [arn('snapshot')];
  return action === 'ec2:CopyImage' ? [arn('image'), arn('snapshot')] : [arn('image')];
}
