import type { Image, Scope } from '../domain/ami.ts';
import { snapshotIdsOf } from '../domain/ami.ts';
import type { PermissionState } from '../domain/permissions.ts';
import { AwsError } from '../aws/aws-error.ts';
import type { SnapshotPermissions } from '../aws/ec2/gateway.ts';
import { AmiferryError } from '../errors.ts';
import type { SharingReads } from './deps.ts';

export interface Permissions {
  state: PermissionState;
  /** By snapshot id, for the image's own snapshots. */
  snapshots: Map<string, SnapshotPermissions>;
  /** The image's snapshots that are another account's, by id, with their owner where EC2 tells it. */
  foreign: Map<string, string | null>;
}

/**
 * Who may launch an image and who may copy it, as EC2 has it now.
 * @throws {AmiferryError} `not-image-owner`: only an owner may read them
 */
export async function readPermissions(
  { gateway }: SharingReads,
  scope: Scope,
  image: Image,
): Promise<Permissions> {
  try {
    const set = await gateway.launchPermissions(scope, image.imageId);
    const snapshots = new Map<string, SnapshotPermissions>();
    const others: string[] = [];
    for (const snapshotId of snapshotIdsOf([image])) {
      const permissions = await gateway.snapshotPermissions(scope, snapshotId).catch(whenForeign);
      if (permissions === null) others.push(snapshotId);
      else snapshots.set(snapshotId, permissions);
    }
    const owners = others.length === 0 ? new Map() : await gateway.snapshotOwners(scope, others);
    const foreign = new Map(others.map((id) => [id, owners.get(id) ?? null]));
    const publicSnapshots = [...snapshots].flatMap(([id, one]) => (one.public ? [id] : []));
    const snapshotAccounts = onEvery([...snapshots.values()]);
    return { state: { ...set, snapshotAccounts, publicSnapshots }, snapshots, foreign };
  } catch (error) {
    if (!isOthers(error)) throw error;
    throw notOwner(image, error);
  }
}

/** EC2's answer about another account's image or snapshot. */
function isOthers(error: unknown): error is AwsError {
  return error instanceof AwsError && error.awsCode === 'AuthFailure' && error.kind === 'denied';
}

function whenForeign(error: unknown): null {
  if (isOthers(error)) return null;
  throw error;
}

/** An image is copied by those who may read every snapshot of it. */
function onEvery([first, ...others]: SnapshotPermissions[]): string[] {
  return (first?.accounts ?? []).filter((account) =>
    others.every(({ accounts }) => accounts.includes(account)),
  );
}

function notOwner({ imageId, ownerId }: Image, cause: AwsError): AmiferryError {
  const message = `${imageId} belongs to account ${ownerId}: copy it (POST /amis/${imageId}/copies) and share the copy, or ask its owner`;
  return new AmiferryError('not-image-owner', message, {
    cause,
    ...(cause.aws === null ? {} : { aws: cause.aws }),
  });
}
