import { AwsError, invalidValue, missingParameter } from '../errors.ts';
import { endCopiesWithoutAccess } from '../state/copy-access.ts';
import { ownSnapshot } from '../state/lookup.ts';
import { changed, requireWellFormed, type Grantee } from '../state/permissions.ts';
import type { Snapshot } from '../state/snapshot.ts';
import { readPermissionChange } from './grantees.ts';
import { isUnderAwsManagedKey } from './launch-rules.ts';
import { done, mutates, reads, type Request } from './operation.ts';

const maxAtOnce = 500;

/** DescribeSnapshotAttribute: createVolumePermission; only for the owner. */
export const describeSnapshotAttribute = reads((request) => {
  requireCreateVolumePermission(request);
  const { snapshotId, volumePermissions } = ownSnapshot(request, request.parameters.required('SnapshotId'));
  const createVolumePermission = [...volumePermissions.values()].map(({ kind, value }) => ({
    [kind]: value,
  }));
  return { snapshotId, createVolumePermission };
});

/** ModifySnapshotAttribute: adds or removes, but not both, at most 500 accounts or `all`. */
export const modifySnapshotAttribute = mutates((request) => {
  const snapshot = ownSnapshot(request, request.parameters.required('SnapshotId'));
  const { add, remove } = readPermissionChange(request.parameters, 'CreateVolumePermission');
  if (add.length + remove.length === 0) throw missingParameter('CreateVolumePermission');
  if (add.length > 0 && remove.length > 0) {
    throw new AwsError(
      'InvalidParameterCombination',
      'Permissions can be added or removed in one call, but not both',
    );
  }
  if (add.length + remove.length > maxAtOnce) {
    throw new AwsError('InvalidParameterValue', `At most ${maxAtOnce} permissions can be changed at a time`);
  }
  requireSnapshotShareable(request, snapshot, add, remove);
  snapshot.volumePermissions = changed(snapshot.volumePermissions, add, remove);
  endCopiesWithoutAccess(request.world);
  return done;
});

/** ResetSnapshotAttribute: makes the snapshot private. */
export const resetSnapshotAttribute = mutates((request) => {
  requireCreateVolumePermission(request);
  ownSnapshot(request, request.parameters.required('SnapshotId')).volumePermissions = new Map();
  endCopiesWithoutAccess(request.world);
  return done;
});

function requireCreateVolumePermission({ parameters }: Request): void {
  const attribute = parameters.required('Attribute');
  if (attribute !== 'createVolumePermission') throw invalidValue('Attribute', attribute, 'Not simulated.');
}

function requireSnapshotShareable(
  { world }: Request,
  snapshot: Snapshot,
  add: readonly Grantee[],
  remove: readonly Grantee[],
): void {
  const other = [...add, ...remove].find(({ kind }) => kind !== 'userId' && kind !== 'group');
  if (other !== undefined)
    throw invalidValue(other.kind, other.value, 'Snapshots are shared with accounts only.');
  requireWellFormed([...add, ...remove], 'InvalidUserID.Malformed', snapshot.region);
  if (add.length === 0) return;
  if (add.some(({ value }) => value === snapshot.ownerId))
    throw new AwsError('InvalidParameterValue', `Account ${snapshot.ownerId} owns ${snapshot.snapshotId}`);
  if (isUnderAwsManagedKey(world, snapshot)) {
    throw new AwsError('OperationNotPermitted', 'Encrypted snapshots with EBS default key cannot be shared');
  }
  if (snapshot.encrypted && add.some(({ kind }) => kind === 'group')) {
    throw new AwsError('OperationNotPermitted', 'Encrypted snapshots cannot be made public');
  }
}
