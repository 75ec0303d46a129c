import type { STSClient } from '@aws-sdk/client-sts';
import { SELF } from '../../domain/ami.ts';
import { classify } from '../aws-error.ts';
import type { AwsOptions } from '../clients.ts';
import { AwsClients, clientConfig, deadlineOf } from '../clients.ts';
import { withDeadline } from '../deadline.ts';
import { UnexpectedAnswer, withExpectedAnswers } from '../expected-answers.ts';
import { traced } from '../traced-client.ts';

const loadSdk = () => import('@aws-sdk/client-sts');
type StsSdk = Awaited<ReturnType<typeof loadSdk>>;

const ACCOUNT_ID = /^\d{12}$/;

/** STS on the AWS SDK, which is loaded at the first call: just the operations used. */
export class AwsStsGateway {
  readonly #clients: AwsClients<StsSdk, STSClient>;

  constructor(options: AwsOptions) {
    this.#clients = new AwsClients(loadSdk, (sdk, scope) => {
      const plain = withExpectedAnswers(new sdk.STSClient(clientConfig(options, scope)), 'xml');
      const client = withDeadline(plain, deadlineOf(options));
      return traced(client, options.tracing, 'STS', scope.region);
    });
  }

  /**
   * The account that the service's own credentials belong to, by GetCallerIdentity. The call needs no IAM permission.
   * @param region the region whose STS endpoint is called
   * @returns 12 digits
   * @throws {AwsError} of kind `credentials` if STS does not accept them
   */
  async callerAccount(region: string): Promise<string> {
    try {
      const { sdk, client } = await this.#clients.get({ account: SELF, region });
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
