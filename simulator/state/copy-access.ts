import { copiesUnderWay } from './copies.ts';
import type { Image } from './image.ts';
import { mayUse } from './keys.ts';
import { canSeeImage, canSeeSnapshot, snapshotsOf } from './lookup.ts';
import type { World } from './world.ts';

/** Whether an account may read all that a copy is made of: each snapshot, and its key. Launch permission alone is not enough. */
export function mayReadStorage(world: World, account: string, source: Image): boolean {
  const now = world.clock.now();
  return snapshotsOf(world, source).every((snapshot) => {
    if (!canSeeSnapshot(snapshot, account, now)) return false;
    if (snapshot.kmsKeyId === undefined) return true;
    const key = world.findKey(snapshot.ownerId, source.region, snapshot.kmsKeyId);
    return (
      key === undefined || mayUse(key, account, ['CreateGrant', 'Decrypt', 'DescribeKey', 'ReEncryptFrom'])
    );
  });
}

/** Fails the pending copies whose account has lost access to their source, if the settings say that EC2 does so. */
export function endCopiesWithoutAccess(world: World): void {
  if (!world.settings.copiesNeedAccess) return;
  for (const { account, region } of world.allScopes())
    for (const copy of copiesUnderWay(world, account, region)) {
      const source = sourceOf(world, copy);
      if (source === undefined || source.ownerId === account) continue;
      const isReadable =
        canSeeImage(source, account, world.clock.now()) && mayReadStorage(world, account, source);
      if (!isReadable) fail(world, copy);
    }
}

function sourceOf(world: World, { source }: Image): Image | undefined {
  return source === undefined ? undefined : world.region(source.region).images.get(source.imageId);
}

function fail(world: World, copy: Image): void {
  for (const snapshot of snapshotsOf(world, copy))
    snapshot.lifecycle = {
      kind: 'settled',
      state: 'error',
      message: 'The source snapshot is not accessible',
    };
  world.stateChanges.settle(copy, 'failed', 'Copy image failed with an internal error.');
}
