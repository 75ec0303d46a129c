import { createHash, randomBytes } from 'node:crypto';
import { Type } from 'typebox';
import { AwsError } from '../errors.ts';
import { partitionOf } from '../regions.ts';
import { endCopiesWithoutAccess } from '../state/copy-access.ts';
import type { Grant, Key } from '../state/keys.ts';
import { mayUse } from '../state/keys.ts';
import { jsonInput } from '../wire/json-input.ts';
import { notAllowed, usableKey, type KmsRequest } from './input.ts';

const grantable = [
  'Decrypt',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyWithoutPlaintext',
  'ReEncryptFrom',
  'ReEncryptTo',
  'CreateGrant',
  'RetireGrant',
  'DescribeKey',
  'Sign',
  'Verify',
  'GetPublicKey',
] as const;

const CreateGrantSchema = Type.Object({
  KeyId: Type.String({ minLength: 1 }),
  GranteePrincipal: Type.String({ minLength: 1 }),
  RetiringPrincipal: Type.Optional(Type.String({ minLength: 1 })),
  Operations: Type.Array(Type.Union(grantable.map((operation) => Type.Literal(operation))), { minItems: 1 }),
  Constraints: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  Name: Type.Optional(Type.String({ pattern: '^[a-zA-Z0-9:/_-]{1,256}$' })),
});

/** CreateGrant. The same Name with the same parameters returns the first grant's id; without a Name each grant is new. */
export function createGrant(request: KmsRequest, body: string): object {
  const asked = jsonInput(CreateGrantSchema, body);
  const key = usableKey(request, asked.KeyId, 'CreateGrant');
  if (!key.enabled) throw new AwsError('DisabledException', `${key.arn} is disabled.`);
  // A caller whose permission is a grant can grant only the operations of that grant.
  if (!mayUse(key, request.account, asked.Operations)) throw notAllowed(request, 'CreateGrant', key);
  requirePrincipal(asked.GranteePrincipal, request.region);
  const fingerprint = JSON.stringify([
    asked.GranteePrincipal,
    asked.Operations,
    asked.Constraints,
    asked.RetiringPrincipal,
  ]);
  const grant = repeated(key, asked.Name, fingerprint) ?? {
    grantId: randomBytes(32).toString('hex'),
    name: asked.Name,
    granteePrincipal: asked.GranteePrincipal,
    operations: asked.Operations,
    createdAt: request.world.clock.now(),
    fingerprint,
  };
  key.grants.set(grant.grantId, grant);
  return {
    GrantId: grant.grantId,
    GrantToken: createHash('sha256').update(grant.grantId).digest('base64url'),
  };
}

function requirePrincipal(principal: string, region: string): void {
  const [, partition] = /^arn:([^:]+):(?:iam|sts)::\d{12}:\S+$/.exec(principal) ?? [];
  if (/^\d{12}$/.test(principal) || partition === partitionOf(region)) return;
  throw new AwsError('InvalidArnException', `ARN does not refer to a valid principal: ${principal}`);
}

function repeated(key: Key, name: string | undefined, fingerprint: string): Grant | undefined {
  if (name === undefined) return undefined;
  return [...key.grants.values()].find((grant) => grant.name === name && grant.fingerprint === fingerprint);
}

const ListGrantsSchema = Type.Object({
  KeyId: Type.String({ minLength: 1 }),
  Limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  Marker: Type.Optional(Type.String({ minLength: 1 })),
  GrantId: Type.Optional(Type.String()),
  GranteePrincipal: Type.Optional(Type.String()),
});

/** ListGrants, in pages of Limit (default 50). The marker is the id of the last grant of a page. */
export function listGrants(request: KmsRequest, body: string): object {
  const { KeyId, Limit = 50, Marker, GrantId, GranteePrincipal } = jsonInput(ListGrantsSchema, body);
  const key = usableKey(request, KeyId, 'ListGrants');
  const wanted = [...key.grants.values()].filter(
    (grant) =>
      (GrantId ?? grant.grantId) === grant.grantId &&
      (GranteePrincipal ?? grant.granteePrincipal) === grant.granteePrincipal,
  );
  const start = Marker === undefined ? 0 : wanted.findIndex((grant) => grant.grantId === Marker) + 1;
  if (Marker !== undefined && start === 0)
    throw new AwsError('InvalidMarkerException', 'The marker is not valid');
  const page = wanted.slice(start, start + Limit);
  const more = start + Limit < wanted.length;
  return {
    Grants: page.map((grant) => grantElements(key, grant)),
    Truncated: more,
    ...(more ? { NextMarker: page.at(-1)?.grantId } : {}),
  };
}

function grantElements(key: Key, grant: Grant): object {
  return {
    KeyId: key.arn,
    GrantId: grant.grantId,
    Name: grant.name ?? '',
    CreationDate: grant.createdAt / 1000,
    GranteePrincipal: grant.granteePrincipal,
    IssuingAccount: `arn:${partitionOf(key.region)}:iam::${key.account}:root`,
    Operations: grant.operations,
  };
}

const RevokeGrantSchema = Type.Object({
  KeyId: Type.String({ minLength: 1 }),
  GrantId: Type.String({ minLength: 1 }),
});

/** RevokeGrant. @throws AwsError NotFoundException if the key has no such grant */
export function revokeGrant(request: KmsRequest, body: string): object {
  const { KeyId, GrantId } = jsonInput(RevokeGrantSchema, body);
  const key = usableKey(request, KeyId, 'RevokeGrant');
  if (!key.grants.delete(GrantId)) throw new AwsError('NotFoundException', `Grant ID ${GrantId} not found`);
  endCopiesWithoutAccess(request.world);
  return {};
}
