import type { ErrorCode } from '../errors.ts';
import type { PermissionSet } from './permissions.ts';
import { isNobody, shareeCount } from './permissions.ts';

/** EC2's quotas, an account and region. */
export interface SharingQuotas {
  /** Accounts, organizations and units that one image is shared with. */
  sharees: number;
  /** Public images. */
  publicImages: number;
}

export const DEFAULT_QUOTAS: SharingQuotas = { sharees: 1000, publicImages: 5 };

/** A key as far as sharing goes. `manager` is `null` where KMS may not be asked. */
export interface KeyFacts {
  keyId: string;
  manager: 'AWS' | 'CUSTOMER' | null;
}

/** All that decides who an image, or a copy that is still to be made, may be shared with. */
export interface SharingFacts {
  /** How a message names the image: its id, or "the copy in eu-west-1". */
  subject: string;
  region: string;
  encrypted: boolean;
  keys: readonly KeyFacts[];
  hasProductCodes: boolean;
  /** `null` where it may not be read. */
  blockPublicAccess: boolean | null;
  /** How many images of the account are public in the region, but for this one; `null` where that was not read. */
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

/** Why the image can be shared with nobody at all: EC2's rules for keys (ec2-facts: "Launch permissions"). */
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

/** Why the image can't be made public, beyond why it can't be shared. */
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
 * Why a change is refused, read off what it adds and what comes out of it; empty when it may go ahead. What is there
 * already, and what is taken away, is never refused.
 */
export function refusals(facts: SharingFacts, added: PermissionSet, target: PermissionSet): Reason[] {
  const reasons = added.public ? againstPublic(facts) : [];
  // Who asks for the whole world is not helped by what would do for a few accounts.
  if (!isNobody(added) && reasons.length === 0) reasons.push(...againstKeys(facts));
  const count = shareeCount(target);
  const most = facts.quotas.sharees;
  if (count > most && shareeCount(added) > 0) {
    const message = `${facts.subject} would be shared with ${count} accounts, organizations and units; EC2's quota is ${most} an image and region. Share with an organization or unit instead of its accounts, or have AWS raise the quota and the operator MAX_SHAREES`;
    reasons.push({ code: 'too-many-sharees', message });
  }
  return reasons;
}
