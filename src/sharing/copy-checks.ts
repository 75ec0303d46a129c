import type { Image, Scope } from '../domain/ami.ts';
import { isEncrypted } from '../domain/ami.ts';
import type { CopySpec, Warning } from '../domain/job.ts';
import type { PermissionRequest } from '../domain/permissions.ts';
import { isNobody } from '../domain/permissions.ts';
import type { KeyFacts, SharingFacts } from '../domain/sharing-rules.ts';
import { refusals } from '../domain/sharing-rules.ts';
import { AmiferryError } from '../errors.ts';
import { partitionInArn, partitionOf } from '../domain/regions.ts';
import type { SharingReads } from './deps.ts';
import { ifKnown, otherPublicImages } from './facts.ts';

/**
 * Checks one copy before it starts: its key, in the region of the copy, and whether the copy can be shared as requested.
 * Otherwise an error would only appear when the copy is done, an hour later.
 * @param unencrypted whether the request says "encrypted": false for it
 * @returns warnings about what could not be checked
 * @throws {AmiferryError} `encryption-cannot-be-removed`, `key-not-found`, `key-not-usable`, `key-required`, and the codes of sharing-rules.ts
 */
export async function checkCopy(
  deps: SharingReads,
  image: Image,
  spec: CopySpec,
  permissions: PermissionRequest | null,
  unencrypted: boolean,
): Promise<Warning[]> {
  const scope = { account: spec.account, region: spec.region };
  const { key, warnings } = await lookUpKey(deps, scope, spec.kmsKeyId);
  const shared = permissions !== null && !isNobody(permissions);
  if (!shared && !unencrypted) return warnings;
  const encryption = await willBeEncrypted(deps, scope, image, spec);
  if (unencrypted && encryption.byDefault) throw encryptedByDefault(spec);
  if (!shared) return [...warnings, ...encryption.warnings];
  const used = key ?? (encryption.byDefault ? await defaultCustomerKey(deps, scope) : null);
  if (encryption.encrypted && used === null) throw keyRequired(spec, image, permissions);
  const facts = await factsOfCopy(deps, scope, image, encryption.encrypted, used, permissions);
  refuse(refusals(facts, permissions, permissions));
  return [...warnings, ...encryption.warnings];
}

/**
 * The key of encryption by default, if it is a customer key: an image that is encrypted under it can be shared (ec2-facts.md,
 * "Encryption by default, and organizations"). `null` where it is another key, or this service may not read it.
 */
async function defaultCustomerKey({ gateway, kms }: SharingReads, scope: Scope): Promise<KeyFacts | null> {
  const keyId = await ifKnown(gateway.defaultKey(scope));
  if (keyId === null) return null;
  const lookup = await kms.describeKey(scope, keyId);
  const customers = lookup.outcome === 'found' && lookup.key.manager === 'CUSTOMER';
  return customers ? { keyId, manager: 'CUSTOMER' } : null;
}

function encryptedByDefault({ region }: CopySpec): AmiferryError {
  const message = `encryption by default is on in ${region}, so the copy there is encrypted whatever is asked: leave "encrypted" out for ${region}, or have it turned off there (aws ec2 disable-ebs-encryption-by-default --region ${region})`;
  return new AmiferryError('encryption-cannot-be-removed', message);
}

/** Throws the first of some reasons, with the messages of all. */
export function refuse(reasons: ReturnType<typeof refusals>): void {
  const [first] = reasons;
  if (first === undefined) return;
  throw new AmiferryError(first.code, reasons.map(({ message }) => message).join('; '));
}

interface KeyCheck {
  key: KeyFacts | null;
  warnings: Warning[];
}

/** Asks KMS in the destination region: the key has to be there, and it has to be able to encrypt a snapshot. */
async function lookUpKey({ kms }: SharingReads, scope: Scope, keyId: string | null): Promise<KeyCheck> {
  if (keyId === null) return { key: null, warnings: [] };
  const { region } = scope;
  const [, , , arnRegion] = keyId.startsWith('arn:') ? keyId.split(':') : [];
  if (arnRegion !== undefined && arnRegion !== region) {
    throw new AmiferryError(
      'key-not-found',
      `${keyId} is a key of ${arnRegion}; a copy into ${region} needs one of ${region}`,
    );
  }
  if (arnRegion !== undefined && partitionInArn(keyId) !== partitionOf(region)) {
    const message = `there is no key ${keyId}: ARNs of ${region} begin with "arn:${partitionOf(region)}:"`;
    throw new AmiferryError('key-not-found', message);
  }
  const lookup = await kms.describeKey(scope, keyId);
  if (lookup.outcome === 'missing') {
    throw new AmiferryError(
      'key-not-found',
      `there is no key ${keyId} in ${region}: keys and aliases are regional, so name one of ${region} for that destination ("destinations": [{"region": "${region}", "kmsKeyId": "…"}])`,
    );
  }
  if (lookup.outcome === 'denied') {
    const message = `whether ${keyId} in ${region} can be used could not be checked before the copy: ${lookup.message}`;
    return { key: { keyId, manager: null }, warnings: [{ code: 'key-not-checked', message, ...scope }] };
  }
  const { enabled, symmetric, manager } = lookup.key;
  const wrong = [...(enabled ? [] : ['disabled, or being deleted']), ...(symmetric ? [] : ['asymmetric'])];
  if (wrong.length > 0) {
    throw new AmiferryError(
      'key-not-usable',
      `${keyId} in ${region} is ${wrong.join(' and ')}: EBS needs an enabled, symmetric key`,
    );
  }
  return { key: { keyId, manager }, warnings: [] };
}

interface Encryption {
  encrypted: boolean;
  /**
   * Whether "encryption by default" of the destination is on, which acts like "encrypted": true. If it can't be read, it counts
   * as off.
   */
  byDefault: boolean;
  warnings: Warning[];
}

async function willBeEncrypted(
  { gateway }: SharingReads,
  scope: Scope,
  image: Image,
  spec: CopySpec,
): Promise<Encryption> {
  const asked = isEncrypted(image) || spec.encrypted === true;
  // A named key is used, whatever the default is.
  if (spec.kmsKeyId !== null) return { encrypted: true, byDefault: false, warnings: [] };
  const byDefault = await ifKnown(gateway.encryptionByDefault(scope));
  if (asked) return { encrypted: true, byDefault: byDefault ?? false, warnings: [] };
  const message = `whether ${scope.region} encrypts by default may not be read; if it does, the copy is encrypted and can't be shared`;
  const unknown: Warning = { code: 'encryption-not-checked', message, ...scope };
  return {
    encrypted: byDefault ?? false,
    byDefault: byDefault ?? false,
    warnings: byDefault === null ? [unknown] : [],
  };
}

function keyRequired({ region }: CopySpec, image: Image, permissions: PermissionRequest): AmiferryError {
  if (permissions.public) {
    const message = `the copy in ${region} is encrypted, and EC2 lets no encrypted image be public: share it with accounts, organizations or units`;
    return new AmiferryError('public-and-encrypted', message);
  }
  const why = isEncrypted(image)
    ? `${image.imageId} is encrypted`
    : `"encrypted", or encryption by default in ${region}, asks for it`;
  return new AmiferryError(
    'key-required',
    `the copy in ${region} will be encrypted (${why}), and without a key it comes under aws/ebs, or under a key that can't be read, and can't be shared: name a customer key of ${region} with "kmsKeyId"`,
  );
}

async function factsOfCopy(
  deps: SharingReads,
  scope: Scope,
  image: Image,
  encrypted: boolean,
  key: KeyFacts | null,
  permissions: PermissionRequest,
): Promise<SharingFacts> {
  const [blockPublicAccess, publicImages] = permissions.public
    ? await Promise.all([
        ifKnown(deps.gateway.blockPublicAccess(scope)),
        otherPublicImages(deps, scope, null),
      ])
    : [null, null];
  return {
    subject: `the copy in ${scope.region}`,
    region: scope.region,
    encrypted,
    keys: key === null ? [] : [key],
    hasProductCodes: image.productCodes.length > 0,
    blockPublicAccess,
    publicImages,
    quotas: deps.quotas,
    keyRemedy: `name a customer key of ${scope.region} with "kmsKeyId"`,
  };
}
