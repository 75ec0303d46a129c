import type { STSClient } from '@aws-sdk/client-sts';
import { classify } from '../aws-error.ts';
import type { AwsOptions, ServiceSdk } from '../clients.ts';
import { AwsClients } from '../clients.ts';
import { UnexpectedAnswer } from '../expected-answers.ts';

type StsSdk = typeof import('@aws-sdk/client-sts');
const STS: ServiceSdk<StsSdk, STSClient> = {
  service: 'STS',
  answers: 'xml',
  load: () => import('@aws-sdk/client-sts'),
  create: (sdk, config) => new sdk.STSClient(config),
};

const ACCOUNT_ID = /^\d{12}$/;

/** STS on the AWS SDK, which is loaded at the first call: just the operations used. */
export class AwsStsGateway {
  readonly #clients: AwsClients<StsSdk, STSClient>;

  constructor(options: AwsOptions) {
    this.#clients = new AwsClients(STS, options);
  }

  /**
   * The account that the service's own credentials belong to, by GetCallerIdentity. The call needs no IAM permission.
   * @param region the region whose STS endpoint is called
   * @returns 12 digits
   * @throws {AwsError} of kind `credentials` if STS does not accept them
   */
  async callerAccount(region: string): Promise<string> {
    try {
      const { sdk, client } = await this.#clients.get({ account: null, region });
      const { Account = '' } = await client.send(new sdk.GetCallerIdentityCommand({}));
      if (!ACCOUNT_ID.test(Account)) throw new UnexpectedAnswer('the answer of AWS lacks Account');
      return Account;
    } catch (error) {
      throw classify(error, 'STS', 'GetCallerIdentity', region);
    }
  }

  close(): void {
    this.#clients.close();
  }
}
