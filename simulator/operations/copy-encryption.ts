import { AwsError } from '../errors.ts';
import type { CopyFailure } from '../state/copies.ts';
import { awsManagedAlias, mayUse, type Key } from '../state/keys.ts';
import type { Request } from './operation.ts';

export interface Encryption {
  readonly encrypt: boolean;
  readonly kmsKeyId: string | undefined;
  /** EC2 checks the key only after CopyImage has answered: an invalid one fails the copy and not the call. */
  readonly failure: CopyFailure | undefined;
}

const needed = ['CreateGrant', 'Decrypt', 'DescribeKey', 'GenerateDataKeyWithoutPlaintext', 'ReEncryptTo'];

/** @throws AwsError for Encrypted=false on an encrypted source, and for a key without Encrypted */
export function encryptionOf(request: Request, sourceEncrypted: boolean): Encryption {
  const { parameters, world, account, region } = request;
  const asked = parameters.boolean('Encrypted');
  const named = parameters.text('KmsKeyId');
  if (asked === false && sourceEncrypted) {
    throw new AwsError(
      'InvalidParameterValue',
      'Encryption cannot be removed: the source image is encrypted',
    );
  }
  if (named !== undefined && asked !== true) {
    throw new AwsError(
      'InvalidParameterDependency',
      'The parameter KmsKeyId requires the parameter Encrypted to be set',
    );
  }
  const scope = world.scope(account, region);
  const encrypt = asked === true || scope.encryptionByDefault;
  if (!encrypt && !sourceEncrypted) return { encrypt, kmsKeyId: undefined, failure: undefined };
  const identifier = named ?? scope.defaultKmsKeyId ?? awsManagedAlias;
  const key = world.findKey(account, region, identifier);
  return { encrypt, kmsKeyId: key?.arn ?? identifier, failure: failureOf(key, account) };
}

function failureOf(key: Key | undefined, account: string): CopyFailure | undefined {
  if (key?.enabled === true && key.keySpec === 'SYMMETRIC_DEFAULT' && mayUse(key, account, needed))
    return undefined;
  return {
    reason: 'Copy image failed with an internal error',
    snapshotReason:
      'Given key ID is not accessible. You must have DescribeKey permissions on the default CMK or the key given',
  };
}
