import type { STSClient } from '@aws-sdk/client-sts';
import type { AccountsSource, Role } from '../../accounts/accounts.ts';
import { readExternalId } from '../../accounts/accounts-file.ts';
import { partitionOf } from '../../domain/regions.ts';
import { AwsError, classify } from '../aws-error.ts';
import type { AwsOptions, Credentials, CredentialsProvider } from '../clients.ts';
import { AwsClients } from '../clients.ts';
import { UnexpectedAnswer } from '../expected-answers.ts';
import { OwnAccount } from './own-account.ts';
import type { StsSdk } from './sts-sdk.ts';
import { STS } from './sts-sdk.ts';

/** Seconds of a session: the most that a role which is assumed by a role may have. */
const SESSION = 3600;

/**
 * Milliseconds for which the SDK is promised that credentials are valid; they are renewed when less is left. The SDK asks again
 * 5 minutes before the end, which is every minute: so a change of the role takes effect a minute later.
 */
const PROMISED = 6 * 60_000;

export interface AccountCredentialsOptions {
  accounts: AccountsSource;
  /** Which of an account's roles is assumed. */
  use: 'role' | 'readRole';
  /** Names the sessions in CloudTrail. */
  sessionName: string;
  /** The region whose STS endpoint is called: tokens of the global endpoint are invalid in opt-in regions. */
  region: string;
}

interface Session {
  role: string;
  credentials: Credentials & { expiration: Date };
}

/**
 * The credentials for each account: the service's own for its own account, and for a configured account those of a role that is
 * assumed there (AssumeRole). One session serves all regions and AWS services of an account.
 */
export class AccountCredentials {
  /** The account of the service's own credentials. */
  readonly own: OwnAccount;
  /** The options for calls in any of the accounts. */
  readonly aws: AwsOptions;
  readonly #options: AccountCredentialsOptions;
  readonly #clients: AwsClients<StsSdk, STSClient>;
  readonly #sessions = new Map<string, Promise<Session>>();

  /** @param aws the options for calls with the service's own credentials */
  constructor(aws: AwsOptions, options: AccountCredentialsOptions) {
    this.own = new OwnAccount(aws, options.region);
    this.aws = {
      ...aws,
      credentialsOf: async (account) => (await this.#of(account)) ?? aws.credentialsOf?.(null),
    };
    this.#options = options;
    this.#clients = new AwsClients(STS, aws);
  }

  close(): void {
    this.own.close();
    this.#clients.close();
  }

  /**
   * How the SDK gets the credentials of an account; `undefined` for the service's own.
   * @throws {AwsError} of kind `credentials` for an account that is neither the own nor configured; as {@link OwnAccount.get}
   */
  async #of(account: string | null): Promise<CredentialsProvider | undefined> {
    if (account === null || account === (await this.own.get())) return undefined;
    this.#roleIn(account);
    return () => this.#credentials(account);
  }

  /** Credentials that are valid for some minutes. Concurrent callers share one call of STS. */
  async #credentials(account: string): Promise<Credentials & { expiration: Date }> {
    const role = this.#roleIn(account);
    const known = this.#sessions.get(account);
    const kept = await known?.catch(() => null);
    const session = kept && isUsable(kept, role) ? kept : await this.#renewed(account, role, known);
    const { credentials } = session;
    const promised = Math.min(credentials.expiration.getTime(), Date.now() + PROMISED);
    return { ...credentials, expiration: new Date(promised) };
  }

  /** Assumes the role, unless another caller has done so since `known` was read. */
  #renewed(account: string, role: Role, known: Promise<Session> | undefined): Promise<Session> {
    const latest = this.#sessions.get(account);
    if (latest !== undefined && latest !== known) return latest;
    const session = this.#assume(account, role);
    this.#sessions.set(account, session);
    return session;
  }

  async #assume(account: string, role: Role): Promise<Session> {
    const { region, sessionName } = this.#options;
    try {
      const { sdk, client } = await this.#clients.get({ account: null, region });
      const command = new sdk.AssumeRoleCommand({
        RoleArn: arnOf(role, account, region),
        RoleSessionName: sessionName,
        DurationSeconds: SESSION,
        ...(role.externalIdFile === null ? {} : { ExternalId: readExternalId(role.externalIdFile) }),
      });
      const { Credentials: given } = await client.send(command);
      const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = given ?? {};
      if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration)
        throw new UnexpectedAnswer('the answer of AWS lacks Credentials');
      const credentials = {
        accessKeyId: AccessKeyId,
        secretAccessKey: SecretAccessKey,
        sessionToken: SessionToken,
        expiration: Expiration,
      };
      return { role: JSON.stringify(role), credentials };
    } catch (error) {
      throw notReachable(account, role, classify(error, 'STS', 'AssumeRole', region));
    }
  }

  #roleIn(account: string): Role {
    const configured = this.#options.accounts.current().get(account);
    if (configured !== undefined) return configured[this.#options.use];
    const message = `account ${account} is not configured: add it to the accounts file (ACCOUNTS_FILE, docs/accounts.md)`;
    throw new AwsError('credentials', message, 'AccountNotConfigured', null, undefined);
  }
}

function isUsable({ role, credentials }: Session, current: Role): boolean {
  return role === JSON.stringify(current) && credentials.expiration.getTime() - Date.now() > PROMISED;
}

function arnOf(role: Role, account: string, region: string): string {
  return 'arn' in role ? role.arn : `arn:${partitionOf(region)}:iam::${account}:role/${role.name}`;
}

/** A refusal of AssumeRole says nothing about the resource of the call that needs the credentials: that call waits. */
function notReachable(account: string, role: Role, error: AwsError): AwsError {
  if (error.kind === 'throttled' || error.kind === 'transient') return error;
  const name = 'arn' in role ? role.arn.split('/').at(-1) : role.name;
  const message = `the role ${name} of account ${account} can't be assumed (${error.awsCode}): check that it exists, that its trust policy names this service's role, and its external id (docs/accounts.md). It is tried again by itself.`;
  return new AwsError(
    'credentials',
    message,
    error.awsCode,
    error.aws?.awsRequestId ?? null,
    error,
    error.tries,
  );
}
