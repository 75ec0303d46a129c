import type { Image, Scope } from '../domain/ami.ts';
import type { PermissionState } from '../domain/permissions.ts';
import { chunked, inBatches, isSameState, minus, without } from '../domain/permissions.ts';
import type { SnapshotPermissions } from '../ec2/gateway.ts';
import type { PermissionDeps } from './deps.ts';
import type { Permissions } from './read.ts';
import { readPermissions } from './read.ts';

/** Entries a call. EC2 takes 500 for a snapshot; what it takes for an image is not documented. */
const IMAGE_BATCH = 200;
const SNAPSHOT_BATCH = 500;

/**
 * Makes an image's permissions what they should be: reads, applies the difference, reads back. What is taken away goes
 * before what is given. Running it again, or after a crash in the middle, applies just what is still missing.
 * @param stillMine rejects when somebody else has taken the work over; asked before each call that changes anything
 * @returns the permissions as read back, and whether they are what was wanted
 */
export async function converge(
  deps: PermissionDeps,
  scope: Scope,
  image: Image,
  target: PermissionState,
  stillMine: () => Promise<void> = async () => {},
): Promise<{ after: PermissionState; reached: boolean }> {
  const current = await readPermissions(deps, scope, image);
  const changes = changesOf(deps, scope, image, current, target);
  for (const change of changes) {
    await stillMine();
    await change();
  }
  const { state: after } = await readPermissions(deps, scope, image);
  return { after, reached: isSameState(after, target) };
}

type Call = () => Promise<void>;

/** The calls that make the difference, in order: withdrawn from snapshots, taken and given on the image, given there. */
function changesOf(
  { gateway }: PermissionDeps,
  scope: Scope,
  image: Image,
  current: Permissions,
  target: PermissionState,
): Call[] {
  const batches = inBatches(minus(target, current.state), minus(current.state, target), IMAGE_BATCH);
  const onImage = batches.map(
    ({ add, remove }): Call =>
      () =>
        gateway.modifyLaunchPermissions(scope, image.imageId, add, remove),
  );
  const wanted = target.snapshotAccounts;
  const onSnapshots = (
    operation: 'add' | 'remove',
    which: (has: SnapshotPermissions) => SnapshotPermissions[],
  ) =>
    [...current.snapshots].flatMap(([id, has]) =>
      which(has).map(
        (one): Call =>
          () =>
            gateway.modifySnapshotPermissions(scope, id, operation, one),
      ),
    );
  return [
    ...onSnapshots('remove', (has) => toWithdraw(has, wanted)),
    ...onImage,
    ...onSnapshots('add', (has) => toGrant(has, wanted)),
  ];
}

/** A snapshot that anybody may read is an image that anybody may copy: that is never left. */
function toWithdraw(has: SnapshotPermissions, wanted: string[]): SnapshotPermissions[] {
  const fromAll = has.public ? [{ public: true, accounts: [] }] : [];
  const fromSome = chunked(without(has.accounts, wanted), SNAPSHOT_BATCH);
  return [...fromAll, ...fromSome.map((accounts) => ({ public: false, accounts }))];
}

function toGrant(has: SnapshotPermissions, wanted: string[]): SnapshotPermissions[] {
  return chunked(without(wanted, has.accounts), SNAPSHOT_BATCH).map((accounts) => ({
    public: false,
    accounts,
  }));
}
