import type { Image, Scope } from '../domain/ami.ts';
import { chunksOf } from '../domain/chunks.ts';
import type { PermissionSet } from '../domain/permissions.ts';
import { inBatches, NOBODY } from '../domain/permissions.ts';
import type { KeyFacts } from '../domain/sharing-rules.ts';
import type { Fence, SnapshotPermissions } from '../aws/ec2/gateway.ts';
import type { SharingReads } from './deps.ts';
import type { Differences } from './differences.ts';
import type { GrantPlan } from './key-grants.ts';
import { grantCalls } from './key-grants.ts';

/** How many entries a call names. EC2 takes 500 for a snapshot; its limit for an image is not documented. */
const IMAGE_BATCH = 200;
const SNAPSHOT_BATCH = 500;

/** Leaves the grants on keys as they are. */
export const NO_GRANTS: GrantPlan = { held: [], revoke: () => false, grant: [] };

/** One call that changes who has access. */
export interface AccessCall {
  run: (fence: Fence) => Promise<void>;
  /** Takes back what the call gave; absent where the call gives nothing. */
  undo?: () => Promise<void>;
}

/**
 * Makes calls, the fence before each.
 * @param afterGiving called after each call that gave access. It is also called after a call that failed behind its fence: EC2
 * may have made the change, because an answer can be lost.
 */
export async function makeCalls(
  calls: readonly AccessCall[],
  fence: Fence,
  afterGiving: (undo: () => Promise<void>) => Promise<void>,
): Promise<void> {
  for (const { run, undo } of calls) {
    let isMade = false;
    const fenced = async () => {
      await fence();
      isMade = true;
    };
    try {
      await run(fenced);
    } finally {
      if (isMade && undo !== undefined) await afterGiving(undo);
    }
  }
}

/**
 * The calls that make some differences, in order: withdrawals from snapshots, from the image, from keys; then additions to
 * keys, to the image, to snapshots. So no account gets an image before its key, or keeps an image after its key is withdrawn.
 */
export function callsFor(
  deps: SharingReads,
  scope: Scope,
  image: Image,
  { take, give }: Differences,
  keys: readonly KeyFacts[],
  grants: GrantPlan,
): AccessCall[] {
  const launch = (add: PermissionSet, remove: PermissionSet) => launchCalls(deps, scope, image, add, remove);
  const { revoke, grant } = grantCalls(deps, scope, image.imageId, keys, grants);
  const withKeys = revoke.length + grant.length > 0;
  const onImage = withKeys
    ? [...launch(NOBODY, take.launch), ...revoke, ...grant, ...launch(give.launch, NOBODY)]
    : launch(give.launch, take.launch);
  return [
    ...snapshotCalls(deps, scope, 'remove', take.snapshots),
    ...onImage,
    ...snapshotCalls(deps, scope, 'add', give.snapshots),
  ];
}

function launchCalls(
  { gateway }: SharingReads,
  scope: Scope,
  { imageId }: Image,
  add: PermissionSet,
  remove: PermissionSet,
): AccessCall[] {
  return inBatches(add, remove, IMAGE_BATCH).map((part) => ({
    run: (fence) => gateway.modifyLaunchPermissions(scope, imageId, part.add, part.remove, fence),
    ...(inBatches(part.add, NOBODY, IMAGE_BATCH).length === 0
      ? {}
      : { undo: () => gateway.modifyLaunchPermissions(scope, imageId, NOBODY, part.add) }),
  }));
}

function snapshotCalls(
  { gateway }: SharingReads,
  scope: Scope,
  operation: 'add' | 'remove',
  snapshots: ReadonlyMap<string, SnapshotPermissions>,
): AccessCall[] {
  return [...snapshots].flatMap(([id, one]) =>
    partsOf(one).map((part) => ({
      run: (fence: Fence) => gateway.modifySnapshotPermissions(scope, id, operation, part, fence),
      ...(operation === 'remove'
        ? {}
        : { undo: () => gateway.modifySnapshotPermissions(scope, id, 'remove', part) }),
    })),
  );
}

function partsOf({ public: everyone, accounts }: SnapshotPermissions): SnapshotPermissions[] {
  const some = chunksOf(accounts, SNAPSHOT_BATCH).map((part) => ({ public: false, accounts: part }));
  return [...(everyone ? [{ public: true, accounts: [] }] : []), ...some];
}
