import type { STSClient } from '@aws-sdk/client-sts';
import { classify } from '../aws-error.ts';
import type { AwsOptions } from '../clients.ts';
import { AwsClients } from '../clients.ts';
import { UnexpectedAnswer } from '../expected-answers.ts';
import type { StsSdk } from './sts-sdk.ts';
import { STS } from './sts-sdk.ts';

const ACCOUNT_ID = /^\d{12}$/;

/**
 * The account of the service's own credentials, by GetCallerIdentity of STS, which needs no permission. STS is asked when the id is
 * first needed, and the answer is kept for the process: credentials are renewed while a process runs, but the renewed ones
 * belong to the same account. The SDK is loaded at the first call.
 */
export class OwnAccount {
  readonly #clients: AwsClients<StsSdk, STSClient>;
  readonly #region: string;
  #known: string | null = null;
  #call: Promise<string> | undefined;

  /** @param region the region whose STS endpoint is called */
  constructor(options: AwsOptions, region: string) {
    this.#clients = new AwsClients(STS, options);
    this.#region = region;
  }

  /**
   * The id, 12 digits. Concurrent callers share one call. A failed call is not kept: the next caller starts another one.
   * @throws {AwsError} of kind `credentials` if STS does not accept the credentials, else as the call was classified
   */
  async get(): Promise<string> {
    if (this.#known !== null) return this.#known;
    this.#call ??= this.#ask();
    return this.#call;
  }

  close(): void {
    this.#clients.close();
  }

  async #ask(): Promise<string> {
    try {
      const { sdk, client } = await this.#clients.get({ account: null, region: this.#region });
      const { Account = '' } = await client.send(new sdk.GetCallerIdentityCommand({}));
      if (!ACCOUNT_ID.test(Account)) throw new UnexpectedAnswer('the answer of AWS lacks Account');
      this.#known = Account;
      return Account;
    } catch (error) {
      throw classify(error, 'STS', 'GetCallerIdentity', this.#region);
    } finally {
      this.#call = undefined;
    }
  }
}
