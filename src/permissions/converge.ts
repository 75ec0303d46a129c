import type { Image, Scope } from '../domain/ami.ts';
import type { PermissionState } from '../domain/permissions.ts';
import { chunked, inBatches, isSameState, minus, without } from '../domain/permissions.ts';
import type { SnapshotPermissions } from '../ec2/gateway.ts';
import type { PermissionDeps } from './deps.ts';
import { readPermissions } from './read.ts';

/** Entries a call. EC2 takes 500 for a snapshot; what it takes for an image is not documented. */
const IMAGE_BATCH = 200;
const SNAPSHOT_BATCH = 500;

/**
 * Makes an image's permissions what they should be: reads, applies the difference, reads back. What is taken away goes
 * before what is given. Running it again, or after a crash in the middle, applies just what is still missing.
 * @returns the permissions as read back, and whether they are what was wanted
 */
export async function converge(
  deps: PermissionDeps,
  scope: Scope,
  image: Image,
  target: PermissionState,
): Promise<{ after: PermissionState; reached: boolean }> {
  const current = await readPermissions(deps, scope, image);
  for (const [id, has] of current.snapshots) await withdraw(deps, scope, id, has, target.snapshotAccounts);
  const batches = inBatches(minus(target, current.state), minus(current.state, target), IMAGE_BATCH);
  for (const { add, remove } of batches) {
    await deps.gateway.modifyLaunchPermissions(scope, image.imageId, add, remove);
  }
  for (const [id, has] of current.snapshots) await grant(deps, scope, id, has, target.snapshotAccounts);
  const { state: after } = await readPermissions(deps, scope, image);
  return { after, reached: isSameState(after, target) };
}

/** A snapshot that anybody may read is an image that anybody may copy: that is never left. */
async function withdraw(
  { gateway }: PermissionDeps,
  scope: Scope,
  snapshotId: string,
  has: SnapshotPermissions,
  wanted: string[],
): Promise<void> {
  if (has.public)
    await gateway.modifySnapshotPermissions(scope, snapshotId, 'remove', { public: true, accounts: [] });
  for (const accounts of chunked(without(has.accounts, wanted), SNAPSHOT_BATCH)) {
    await gateway.modifySnapshotPermissions(scope, snapshotId, 'remove', { public: false, accounts });
  }
}

async function grant(
  { gateway }: PermissionDeps,
  scope: Scope,
  snapshotId: string,
  has: SnapshotPermissions,
  wanted: string[],
): Promise<void> {
  for (const accounts of chunked(without(wanted, has.accounts), SNAPSHOT_BATCH)) {
    await gateway.modifySnapshotPermissions(scope, snapshotId, 'add', { public: false, accounts });
  }
}
