import type { Image, Scope } from '../domain/ami.ts';
import { isEncrypted, snapshotIdsOf } from '../domain/ami.ts';
import type { KeyFacts, SharingFacts } from '../domain/sharing-rules.ts';
import { AwsError } from '../aws/aws-error.ts';
import type { SharingReads } from './deps.ts';

/** Optional look-ups: one that is not needed is left out, so that its failure stops nothing. */
interface Asked {
  /** Whose the keys are: where anything is to be shared. */
  keys?: boolean;
  /** Whether block public access is on: where the image becomes public, or where that is shown. */
  blockPublicAccess?: boolean;
  /** How many images are public: where this one is to be. */
  publicImages?: boolean;
}

/** What is known of an image's sharing, and of its keys. */
export interface ImageFacts extends SharingFacts {
  /** Encrypted snapshots of the image whose key EC2 did not name, by id. */
  keyless: string[];
}

/** All that decides who an image may be shared with. What this service may not read is left unknown, never guessed. */
export async function sharingFacts(
  deps: SharingReads,
  scope: Scope,
  image: Image,
  asked: Asked = {},
): Promise<ImageFacts> {
  const encrypted = isEncrypted(image);
  const [{ keys, keyless }, blockPublicAccess, publicImages] = await Promise.all([
    encrypted ? keysOf(deps, scope, image, asked.keys ?? true) : { keys: [], keyless: [] },
    asked.blockPublicAccess === true ? ifKnown(deps.gateway.blockPublicAccess(scope)) : null,
    asked.publicImages === true ? otherPublicImages(deps, scope, image.imageId) : null,
  ]);
  return {
    subject: image.imageId,
    region: scope.region,
    encrypted,
    keys,
    keyless,
    hasProductCodes: image.productCodes.length > 0,
    blockPublicAccess,
    publicImages,
    quotas: deps.quotas,
    keyRemedy: `copy it under a customer key, here or elsewhere, and share the copy: POST /amis/${image.imageId}/copies?region=${scope.region} {"destinations": [{"region": "${scope.region}", "kmsKeyId": "alias/YOUR-KEY"}]}`,
  };
}

/** The account's public images in a region, but for one; `null` where that may not be read. */
export async function otherPublicImages(
  { gateway }: SharingReads,
  scope: Scope,
  imageId: string | null,
): Promise<number | null> {
  const images = await ifKnown(gateway.findImages(scope, { public: true }));
  // An endpoint that ignores the filter, or the owner, tells nothing.
  if (images === null || images.some((one) => !one.public)) return null;
  return images.filter((one) => one.imageId !== imageId).length;
}

async function keysOf(
  { gateway, kms }: SharingReads,
  scope: Scope,
  image: Image,
  askKms: boolean,
): Promise<{ keys: KeyFacts[]; keyless: string[] }> {
  const snapshots = await gateway.describeSnapshots(scope, snapshotIdsOf([image]));
  const keyIds = new Map(snapshots.map(({ snapshotId, kmsKeyId }) => [snapshotId, kmsKeyId]));
  const ids = new Set([...keyIds.values()].filter((id) => id !== null));
  const keys = await Promise.all(
    [...ids].map(async (keyId): Promise<KeyFacts> => {
      if (!askKms) return { keyId, manager: null };
      const lookup = await kms.describeKey(scope, keyId);
      return { keyId, manager: lookup.outcome === 'found' ? lookup.key.manager : null };
    }),
  );
  const encrypted = image.snapshots.filter((one) => one.encrypted).map(({ snapshotId }) => snapshotId);
  return { keys, keyless: encrypted.filter((id) => id !== null).filter((id) => !keyIds.get(id)) };
}

/**
 * What a read comes to; `null` where EC2 doesn't tell, because it may not be asked or has no answer. Only a throttled
 * read is worth trying again. What is left unknown here EC2 itself still refuses, if only later.
 */
export async function ifKnown<T>(read: Promise<T>): Promise<T | null> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof AwsError && error.kind !== 'throttled') return null;
    throw error;
  }
}
