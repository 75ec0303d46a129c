import type { ImageName } from '../domain/ami.ts';
import { isEncrypted } from '../domain/ami.ts';
import type { PermissionState, Visibility } from '../domain/permissions.ts';
import { sortedSet, visibility } from '../domain/permissions.ts';
import type { Reason } from '../domain/sharing-rules.ts';
import { againstPublic, againstKeys } from '../domain/sharing-rules.ts';
import { sharingFacts } from '../sharing/facts.ts';
import { againstForeign, readSettled } from '../sharing/foreign-snapshots.ts';
import type { ImageHolds } from '../store/holds.ts';
import type { CommandDeps } from './deps.ts';
import { requireImage } from './require-image.ts';

export interface PermissionsView extends PermissionState {
  imageId: string;
  account: string;
  region: string;
  visibility: Visibility;
  encryption: { encrypted: boolean; kmsKeyIds: string[] };
  /** `null` if this service may not read it. */
  blockPublicAccess: boolean | null;
  /** The accounts that have access while the image is copied into them, with the jobs that make the copies. */
  holds: { account: string; jobs: string[] }[];
  shareable: { accounts: boolean; public: boolean; reasons: Reason[] };
}

/**
 * Reads from EC2 and KMS who may launch an image and whether it can be shared, with the reasons if not.
 * @throws {AmiferryError} `region-not-enabled`, `image-not-found`, `not-image-owner`, `foreign-snapshot`, or the error of an AWS call
 */
export async function viewPermissions(deps: CommandDeps, source: ImageName): Promise<PermissionsView> {
  const image = await requireImage(deps, source);
  const { account, region } = source;
  const scope = { account, region };
  const [permissions, holds, facts] = await Promise.all([
    readSettled(deps, scope, image),
    deps.store.holds.ofImage(scope, image.imageId),
    sharingFacts(deps, scope, image, { blockPublicAccess: true, publicImages: !image.public }),
  ]);
  const { state } = permissions;
  const sharing = [...againstForeign(image, permissions), ...againstKeys(facts)];
  const publishing = againstPublic(facts);
  const ready = image.state === 'available';
  return {
    imageId: image.imageId,
    account,
    region,
    ...state,
    visibility: visibility(state),
    encryption: { encrypted: isEncrypted(image), kmsKeyIds: facts.keys.map(({ keyId }) => keyId) },
    blockPublicAccess: facts.blockPublicAccess,
    holds: holdsOf(holds),
    shareable: {
      accounts: ready && sharing.length === 0,
      public: ready && sharing.length + publishing.length === 0,
      reasons: [...(ready ? [] : [notReady(image.imageId, image.state)]), ...sharing, ...publishing],
    },
  };
}

function holdsOf({ given, users }: ImageHolds): PermissionsView['holds'] {
  return sortedSet([...given.keys()]).map((account) => ({ account, jobs: [...(users.get(account) ?? [])] }));
}

function notReady(imageId: string, state: string): Reason {
  return {
    code: 'image-not-available',
    message: `${imageId} is ${state}; it can be shared once it is available`,
  };
}
