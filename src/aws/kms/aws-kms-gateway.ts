import type { KeyMetadata, KMSClient } from '@aws-sdk/client-kms';
import type { Scope } from '../../domain/ami.ts';
import { GRANT_OPERATIONS, principalOf } from '../../domain/key-policy.ts';
import type { AwsOptions, ServiceSdk } from '../clients.ts';
import { AwsClients } from '../clients.ts';
import { classify } from '../aws-error.ts';
import { listIn, UnexpectedAnswer } from '../expected-answers.ts';
import type { Fence } from '../ec2/gateway.ts';
import { fencedTries } from '../fenced-tries.ts';
import { pagesOf } from '../pages.ts';
import type { Grant, Key, KeyLookup, KmsGateway } from './gateway.ts';

type KmsSdk = typeof import('@aws-sdk/client-kms');
const KMS: ServiceSdk<KmsSdk, KMSClient> = {
  service: 'KMS',
  answers: 'json',
  load: () => import('@aws-sdk/client-kms'),
  create: (sdk, config) => new sdk.KMSClient(config),
};

/** The {@link KmsGateway} on the AWS SDK, which is loaded at the first query of a key. */
export class AwsKmsGateway implements KmsGateway {
  readonly #clients: AwsClients<KmsSdk, KMSClient>;

  constructor(options: AwsOptions) {
    this.#clients = new AwsClients(KMS, options);
  }

  async describeKey(scope: Scope, keyId: string): Promise<KeyLookup> {
    const { sdk, client } = await this.#clients.get(scope);
    try {
      const { KeyMetadata } = await client.send(new sdk.DescribeKeyCommand({ KeyId: keyId }));
      if (KeyMetadata === undefined) throw new UnexpectedAnswer('the answer of AWS lacks KeyMetadata');
      return { outcome: 'found', key: toKey(KeyMetadata) };
    } catch (error) {
      if (error instanceof sdk.NotFoundException || error instanceof sdk.InvalidArnException)
        return { outcome: 'missing' };
      const failure = classify(error, 'KMS', 'DescribeKey', scope.region);
      if (failure.kind === 'denied') return { outcome: 'denied', message: failure.message };
      throw failure;
    }
  }

  async createGrant(
    scope: Scope,
    keyId: string,
    name: string,
    account: string,
    fence?: Fence,
  ): Promise<string> {
    const { sdk, client } = await this.#clients.get(scope);
    const command = new sdk.CreateGrantCommand({
      KeyId: keyId,
      Name: name,
      GranteePrincipal: principalOf(account, scope.region),
      Operations: [...GRANT_OPERATIONS],
    });
    await fence?.();
    try {
      const { GrantId } = await client.send(fencedTries(command, fence));
      if (GrantId === undefined) throw new UnexpectedAnswer('the answer of AWS lacks GrantId');
      return GrantId;
    } catch (error) {
      throw classify(error, 'KMS', 'CreateGrant', scope.region);
    }
  }

  async findGrants(scope: Scope, keyId: string, namePrefix: string): Promise<Grant[]> {
    const { sdk, client } = await this.#clients.get(scope);
    const grants: Grant[] = [];
    try {
      const pages = sdk.paginateListGrants({ client, pageSize: 100 }, { KeyId: keyId });
      // A key has up to 50,000 grants.
      for await (const { Grants } of pagesOf(pages, ({ NextMarker }) => NextMarker, 1000)) {
        for (const { GrantId, Name } of listIn(Grants, 'Grants')) {
          if (GrantId !== undefined && Name?.startsWith(namePrefix))
            grants.push({ grantId: GrantId, name: Name });
        }
      }
    } catch (error) {
      throw classify(error, 'KMS', 'ListGrants', scope.region);
    }
    return grants;
  }

  async revokeGrant(scope: Scope, keyId: string, grantId: string, fence?: Fence): Promise<void> {
    const { sdk, client } = await this.#clients.get(scope);
    await fence?.();
    try {
      await client.send(fencedTries(new sdk.RevokeGrantCommand({ KeyId: keyId, GrantId: grantId }), fence));
    } catch (error) {
      if (!(error instanceof sdk.NotFoundException))
        throw classify(error, 'KMS', 'RevokeGrant', scope.region);
    }
  }

  close(): void {
    this.#clients.close();
  }
}

function toKey({ Arn, KeyManager, KeyState, KeySpec }: KeyMetadata): Key {
  return {
    arn: Arn ?? '',
    manager: KeyManager === 'AWS' ? 'AWS' : 'CUSTOMER',
    enabled: KeyState === 'Enabled',
    symmetric: KeySpec === 'SYMMETRIC_DEFAULT',
  };
}
