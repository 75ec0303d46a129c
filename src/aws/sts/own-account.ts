import type { STSClient } from '@aws-sdk/client-sts';
import { classify } from '../aws-error.ts';
import type { AwsOptions } from '../clients.ts';
import { clientConfig, deadlineOf } from '../clients.ts';
import { withDeadline } from '../deadline.ts';
import { UnexpectedAnswer, withExpectedAnswers } from '../expected-answers.ts';
import { traced } from '../traced-client.ts';

/**
 * The account of the service's own credentials, by STS' GetCallerIdentity, which needs no permission. It is asked for when it is
 * first needed and then kept, since the credentials of a process stay those of one account; a failure is not kept. The SDK is
 * loaded then too.
 */
export class OwnAccount {
  readonly #options: AwsOptions;
  readonly #region: string;
  #answer: Promise<string> | undefined;
  #client: STSClient | undefined;

  /** @param region where STS is asked: at its regional endpoint */
  constructor(options: AwsOptions, region: string) {
    this.#options = options;
    this.#region = region;
  }

  /** 12 digits. All who ask while a call is under way get its answer. @throws {AwsError} what the call met, such as kind `credentials` */
  get(): Promise<string> {
    this.#answer ??= this.#ask().catch((error: unknown) => {
      this.#answer = undefined;
      throw classify(error, 'GetCallerIdentity', this.#region);
    });
    return this.#answer;
  }

  async #ask(): Promise<string> {
    const sdk = await import('@aws-sdk/client-sts');
    this.#client ??= this.#make(sdk);
    const { Account } = await this.#client.send(new sdk.GetCallerIdentityCommand());
    if (Account === undefined) throw new UnexpectedAnswer('the answer of AWS lacks Account');
    return Account;
  }

  #make(sdk: typeof import('@aws-sdk/client-sts')): STSClient {
    const scope = { account: '', region: this.#region };
    const plain = withExpectedAnswers(new sdk.STSClient(clientConfig(this.#options, scope)), 'xml');
    return traced(withDeadline(plain, deadlineOf(this.#options)), this.#options.tracing, 'STS', this.#region);
  }

  close(): void {
    this.#client?.destroy();
  }
}
