import type { ErrorCode } from '../errors.ts';
import type { PermissionSet } from './permissions.ts';
import { isNobody, shareeCount } from './permissions.ts';

/** EC2's quotas, for each account and region. */
export interface SharingQuotas {
  /** Accounts, organizations and units that one image may be shared with. */
  sharees: number;
  /** Public images. */
  publicImages: number;
}

export const DEFAULT_QUOTAS: SharingQuotas = { sharees: 1000, publicImages: 5 };

/** The properties of a key that sharing depends on. `manager` is `null` where this service may not ask KMS. */
export interface KeyFacts {
  keyId: string;
  manager: 'AWS' | 'CUSTOMER' | null;
}

/** All facts that decide with whom an image, or a copy that is still to be made, may be shared. */
export interface SharingFacts {
  /** How a message names the image: its id, or "the copy in eu-west-1". */
  subject: string;
  region: string;
  encrypted: boolean;
  keys: readonly KeyFacts[];
  hasProductCodes: boolean;
  /** `null` where this service may not read it. */
  blockPublicAccess: boolean | null;
  /** The number of the account's other public images in the region; `null` where it was not read. */
  publicImages: number | null;
  quotas: SharingQuotas;
  /** What to do about a key that can't be shared, as the end of a sentence. */
  keyRemedy: string;
}

/** Why something is refused: a code of the registry, and a message that says what to do. */
export interface Reason {
  code: ErrorCode;
  message: string;
}

/** Why the image can't be shared at all: EC2's rules for keys (ec2-facts: "Launch permissions"). */
export function againstKeys(facts: SharingFacts): Reason[] {
  const managed = facts.keys.find(({ manager }) => manager === 'AWS');
  if (!facts.encrypted || managed === undefined) return [];
  return [
    {
      code: 'aws-managed-key',
      message: `${facts.subject} is encrypted under the AWS managed key (${managed.keyId}), which can't be shared: ${facts.keyRemedy}`,
    },
  ];
}

/** Why the image can't be made public, in addition to why it can't be shared. */
export function againstPublic(facts: SharingFacts): Reason[] {
  const reasons: Reason[] = [];
  if (facts.encrypted) {
    const message = `${facts.subject} is encrypted, and EC2 lets no encrypted image be public: share it with accounts, organizations or units, or publish an image that was never encrypted`;
    reasons.push({ code: 'public-and-encrypted', message });
  }
  if (facts.hasProductCodes) {
    const message = `${facts.subject} has product codes, and EC2 lets no image with product codes be public: share it with accounts instead`;
    reasons.push({ code: 'public-with-product-codes', message });
  }
  if (facts.blockPublicAccess === true) {
    const message = `block public access for AMIs is on in ${facts.region}: an administrator has to turn it off there (aws ec2 disable-image-block-public-access --region ${facts.region}; it takes up to 10 minutes). This service never does`;
    reasons.push({ code: 'public-access-blocked', message });
  }
  const { publicImages, quotas } = facts;
  if (publicImages !== null && publicImages >= quotas.publicImages) {
    const message = `${publicImages} images of this account are public in ${facts.region}, and EC2's quota is ${quotas.publicImages}: make one of them private (aws ec2 describe-images --region ${facts.region} --owners self --filters Name=is-public,Values=true), or have AWS raise the quota of public AMIs there and the operator MAX_PUBLIC_IMAGES`;
    reasons.push({ code: 'too-many-public-images', message });
  }
  return reasons;
}

/**
 * Why a change is refused, from what it adds and the state that it results in; empty when it is allowed. Existing permissions
 * and withdrawals are never refused.
 */
export function refusals(facts: SharingFacts, added: PermissionSet, target: PermissionSet): Reason[] {
  const reasons = added.public ? againstPublic(facts) : [];
  // A request that makes the image public gets only the reasons against that: advice about single accounts would not help it.
  if (!isNobody(added) && reasons.length === 0) reasons.push(...againstKeys(facts));
  const count = shareeCount(target);
  const most = facts.quotas.sharees;
  if (count > most && shareeCount(added) > 0) {
    const message = `${facts.subject} would be shared with ${count} accounts, organizations and units; EC2's quota is ${most} an image and region. Share with an organization or unit instead of its accounts, or have AWS raise the quota and the operator MAX_SHAREES`;
    reasons.push({ code: 'too-many-sharees', message });
  }
  return reasons;
}
