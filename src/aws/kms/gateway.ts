import type { Fence } from '../ec2/gateway.ts';
import type { Scope } from '../../domain/ami.ts';

/** A key as DescribeKey tells it. */
export interface Key {
  arn: string;
  manager: 'AWS' | 'CUSTOMER';
  enabled: boolean;
  symmetric: boolean;
}

/** What asking for a key comes to. `denied`: this service may not look, which says nothing of the key. */
export type KeyLookup =
  | { outcome: 'found'; key: Key }
  | { outcome: 'missing' }
  | { outcome: 'denied'; message: string };

export interface Grant {
  grantId: string;
  name: string;
}

/**
 * The port to KMS: just the operations that sharing needs. Every method throws {@link AwsError} (aws/aws-error.ts) for
 * what isn't part of its answer.
 */
export interface KmsGateway {
  /** A key by id, alias, key ARN or alias ARN. */
  describeKey(scope: Scope, keyId: string): Promise<KeyLookup>;

  /** Lets an account use a key. The same name and account give the grant that is there already. @returns the grant's id */
  createGrant(scope: Scope, keyId: string, name: string, account: string, fence?: Fence): Promise<string>;

  /** The key's grants whose name begins so. */
  findGrants(scope: Scope, keyId: string, namePrefix: string): Promise<Grant[]>;

  revokeGrant(scope: Scope, keyId: string, grantId: string, fence?: Fence): Promise<void>;

  close(): void;
}
