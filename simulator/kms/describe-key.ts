import { Type } from 'typebox';
import { partitionOf } from '../regions.ts';
import type { Key } from '../state/keys.ts';
import { jsonInput } from '../wire/json-input.ts';
import { usableKey, type KmsRequest } from './input.ts';

const DescribeKeySchema = Type.Object({ KeyId: Type.String({ minLength: 1 }) });

/** DescribeKey, by key id, key ARN, alias or alias ARN. */
export function describeKey(request: KmsRequest, body: string): object {
  return {
    KeyMetadata: metadataOf(usableKey(request, jsonInput(DescribeKeySchema, body).KeyId, 'DescribeKey')),
  };
}

function metadataOf(key: Key): object {
  const symmetric = key.keySpec === 'SYMMETRIC_DEFAULT';
  return {
    AWSAccountId: key.account,
    KeyId: key.keyId,
    Arn: key.arn,
    CreationDate: key.createdAt / 1000,
    Enabled: key.enabled,
    Description: key.description,
    KeyUsage: symmetric ? 'ENCRYPT_DECRYPT' : 'SIGN_VERIFY',
    KeyState: key.enabled ? 'Enabled' : 'Disabled',
    Origin: 'AWS_KMS',
    KeyManager: key.manager,
    KeySpec: key.keySpec,
    CustomerMasterKeySpec: key.keySpec,
    ...(symmetric
      ? { EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'] }
      : { SigningAlgorithms: ['RSASSA_PSS_SHA_256'] }),
    MultiRegion: false,
  };
}

const ListAliasesSchema = Type.Object({ KeyId: Type.Optional(Type.String()) });

/** ListAliases of the caller's account and region, all in one page. */
export function listAliases({ world, account, region }: KmsRequest, body: string): object {
  const { KeyId } = jsonInput(ListAliasesSchema, body);
  const only =
    KeyId === undefined ? undefined : usableKey({ world, account, region }, KeyId, 'DescribeKey').keyId;
  const aliases = [...world.keyring(account, region).aliases].filter(
    ([, keyId]) => only === undefined || keyId === only,
  );
  return {
    Aliases: aliases.map(([AliasName, TargetKeyId]) => ({
      AliasName,
      AliasArn: `arn:${partitionOf(region)}:kms:${region}:${account}:${AliasName}`,
      TargetKeyId,
    })),
    Truncated: false,
  };
}
