import type { Image, Scope } from '../domain/ami.ts';
import { isEncrypted, snapshotIdsOf } from '../domain/ami.ts';
import type { KeyFacts, SharingFacts } from '../domain/sharing-rules.ts';
import { Ec2Error } from '../ec2/classify.ts';
import type { PermissionDeps } from './deps.ts';

/**
 * All that decides who an image may be shared with. What this service may not read is left unknown, never guessed.
 * @param askKms whose keys they are; needless where nothing is to be shared, and then KMS stands in nobody's way
 */
export async function sharingFacts(
  deps: PermissionDeps,
  scope: Scope,
  image: Image,
  askKms = true,
): Promise<SharingFacts> {
  const encrypted = isEncrypted(image);
  const [keys, blockPublicAccess] = await Promise.all([
    encrypted ? keysOf(deps, scope, image, askKms) : [],
    ifKnown(deps.gateway.blockPublicAccess(scope)),
  ]);
  return {
    subject: image.imageId,
    region: scope.region,
    encrypted,
    keys,
    hasProductCodes: image.productCodes.length > 0,
    blockPublicAccess,
    keyRemedy: `copy it under a customer key, here or elsewhere, and share the copy: POST /amis/${image.imageId}/copies?region=${scope.region} {"destinations": [{"region": "${scope.region}", "kmsKeyId": "alias/YOUR-KEY"}]}`,
  };
}

async function keysOf(
  { gateway, kms }: PermissionDeps,
  scope: Scope,
  image: Image,
  askKms: boolean,
): Promise<KeyFacts[]> {
  const snapshots = await gateway.describeSnapshots(scope, snapshotIdsOf([image]));
  const ids = new Set(snapshots.map(({ kmsKeyId }) => kmsKeyId).filter((id) => id !== null));
  return Promise.all(
    [...ids].map(async (keyId) => {
      if (!askKms) return { keyId, manager: null };
      const lookup = await kms.describeKey(scope, keyId);
      return { keyId, manager: lookup.outcome === 'found' ? lookup.key.manager : null };
    }),
  );
}

/**
 * What a read comes to; `null` where EC2 doesn't tell, because it may not be asked or has no answer. Only a throttled
 * read is worth trying again. What is left unknown here EC2 itself still refuses, if only later.
 */
export async function ifKnown<T>(read: Promise<T>): Promise<T | null> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof Ec2Error && error.kind !== 'throttled') return null;
    throw error;
  }
}
