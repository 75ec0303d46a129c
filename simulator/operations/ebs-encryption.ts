import { awsManagedAlias } from '../state/keys.ts';
import { mutates, reads, type Operation, type Request } from './operation.ts';

export const getEbsEncryptionByDefault = reads(({ world, account, region }) => ({
  ebsEncryptionByDefault: world.scope(account, region).encryptionByDefault,
  sseType: 'sse-ebs',
}));

/** EnableEbsEncryptionByDefault or DisableEbsEncryptionByDefault. */
export function setEbsEncryptionByDefault(on: boolean): Operation {
  return mutates(({ world, account, region }) => {
    world.scope(account, region).encryptionByDefault = on;
    return { ebsEncryptionByDefault: on };
  });
}

function defaultKey({ world, account, region }: Request): { kmsKeyId: string } {
  const identifier = world.scope(account, region).defaultKmsKeyId;
  return { kmsKeyId: identifier ?? awsManagedAlias };
}

/** GetEbsDefaultKmsKeyId. Like EC2, it returns the alias until a key is set, then the key's ARN. */
export const getEbsDefaultKmsKeyId = reads(defaultKey);

/** ModifyEbsDefaultKmsKeyId. As with copies, the existence of the key is not checked here. */
export const modifyEbsDefaultKmsKeyId = mutates((request) => {
  const { world, account, region, parameters } = request;
  const identifier = parameters.required('KmsKeyId');
  world.scope(account, region).defaultKmsKeyId =
    world.findKey(account, region, identifier)?.arn ?? identifier;
  return defaultKey(request);
});

export const resetEbsDefaultKmsKeyId = mutates((request) => {
  request.world.scope(request.account, request.region).defaultKmsKeyId = undefined;
  return defaultKey(request);
});
