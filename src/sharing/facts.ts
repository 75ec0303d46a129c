import type { Image, Scope } from '../domain/ami.ts';
import { isEncrypted, snapshotIdsOf } from '../domain/ami.ts';
import type { KeyFacts, SharingFacts } from '../domain/sharing-rules.ts';
import { AwsError } from '../aws/aws-error.ts';
import type { SharingReads } from './deps.ts';

/** Optional look-ups. One that is not needed is left out, so that its failure stops nothing. */
interface Asked {
  /** The owners of the keys: needed where anything is shared. */
  keys?: boolean;
  /** Whether block public access is on: needed where the image becomes public, or where the setting is shown. */
  blockPublicAccess?: boolean;
  /** How many images are public: needed where the image becomes public. */
  publicImages?: boolean;
}

/** What is known about the sharing of an image, and about its keys. */
export interface ImageFacts extends SharingFacts {
  /** Encrypted snapshots of the image whose key EC2 did not name, by id. */
  keyless: string[];
}

/** All facts that decide with whom an image may be shared. What this service may not read stays unknown, and is never guessed. */
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

/** The number of the account's other public images in a region; `null` where this service may not read it. */
export async function otherPublicImages(
  { gateway }: SharingReads,
  scope: Scope,
  imageId: string | null,
): Promise<number | null> {
  const images = await ifKnown(gateway.findImages(scope, { public: true }));
  // An endpoint that ignores the filter, or the owner, would give a wrong number: its answer is not used.
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
 * The result of a read; `null` where EC2 refuses it or has no answer. Only a throttled read is retried. EC2 itself later
 * refuses what these facts would have refused early.
 */
export async function ifKnown<T>(read: Promise<T>): Promise<T | null> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof AwsError && error.kind !== 'throttled') return null;
    throw error;
  }
}
