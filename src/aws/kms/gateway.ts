import type { Fence } from '../ec2/gateway.ts';
import type { Scope } from '../../domain/ami.ts';

/** A key as DescribeKey describes it. */
export interface Key {
  arn: string;
  manager: 'AWS' | 'CUSTOMER';
  enabled: boolean;
  symmetric: boolean;
}

/** The result of a query of a key. `denied`: this service may not describe the key, which says nothing about it. */
export type KeyLookup =
  | { outcome: 'found'; key: Key }
  | { outcome: 'missing' }
  | { outcome: 'denied'; message: string };

export interface Grant {
  grantId: string;
  name: string;
}

/**
 * The port to KMS: only the operations that sharing needs. Every method throws {@link AwsError} (aws/aws-error.ts) for errors
 * that are not part of its answer.
 */
export interface KmsGateway {
  /** A key by id, alias, key ARN or alias ARN. */
  describeKey(scope: Scope, keyId: string): Promise<KeyLookup>;

  /** Lets an account use a key. The same name and account return the existing grant. @returns the grant's id */
  createGrant(scope: Scope, keyId: string, name: string, account: string, fence?: Fence): Promise<string>;

  /** The key's grants whose names have this prefix. */
  findGrants(scope: Scope, keyId: string, namePrefix: string): Promise<Grant[]>;

  revokeGrant(scope: Scope, keyId: string, grantId: string, fence?: Fence): Promise<void>;

  close(): void;
}
