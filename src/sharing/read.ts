import type { Image, Scope } from '../domain/ami.ts';
import { snapshotIdsOf } from '../domain/ami.ts';
import type { PermissionSet, PermissionState } from '../domain/permissions.ts';
import { AwsError } from '../aws/aws-error.ts';
import type { SnapshotPermissions } from '../aws/ec2/gateway.ts';
import { AmiferryError } from '../errors.ts';
import type { SharingReads } from './deps.ts';

export interface Permissions {
  state: PermissionState;
  /** By snapshot id, for the image's own snapshots. */
  snapshots: Map<string, SnapshotPermissions>;
  /** The image's snapshots that another account owns, by id, with the owner where EC2 shows it. */
  foreign: Map<string, string | null>;
}

/**
 * The principals that may launch an image and that may copy it, as EC2 shows them now.
 * @throws {AmiferryError} `not-image-owner`: only the owner may read them
 */
export async function readPermissions(
  { gateway }: Pick<SharingReads, 'gateway'>,
  scope: Scope,
  image: Image,
): Promise<Permissions> {
  try {
    const set = await gateway.launchPermissions(scope, image.imageId);
    const { snapshots, others } = await readSnapshots(gateway, scope, snapshotIdsOf([image]));
    const owners = others.length === 0 ? new Map() : await gateway.snapshotOwners(scope, others);
    const foreign = new Map(others.map((id) => [id, owners.get(id) ?? null]));
    return permissionsOf(set, snapshots, foreign);
  } catch (error) {
    if (!isOthers(error)) throw error;
    throw notOwner(image, error);
  }
}

/** What the calls of a change concerned: the image's launch permissions, and some of its snapshots. */
export interface Touched {
  launch: boolean;
  snapshotIds: readonly string[];
}

/**
 * {@link readPermissions} after a change: it reads again only what the calls concerned. The rest was read directly before the
 * calls.
 * @throws {AwsError} the errors of the reads
 */
export async function readTouched(
  { gateway }: Pick<SharingReads, 'gateway'>,
  scope: Scope,
  { imageId }: Image,
  before: Permissions,
  touched: Touched,
): Promise<Permissions> {
  const set = touched.launch ? await gateway.launchPermissions(scope, imageId) : before.state;
  const { snapshots } = await readSnapshots(gateway, scope, touched.snapshotIds);
  return permissionsOf(set, new Map([...before.snapshots, ...snapshots]), before.foreign);
}

async function readSnapshots(
  gateway: SharingReads['gateway'],
  scope: Scope,
  ids: readonly string[],
): Promise<{ snapshots: Map<string, SnapshotPermissions>; others: string[] }> {
  const snapshots = new Map<string, SnapshotPermissions>();
  const others: string[] = [];
  for (const id of ids) {
    const permissions = await gateway.snapshotPermissions(scope, id).catch(whenForeign);
    if (permissions === null) others.push(id);
    else snapshots.set(id, permissions);
  }
  return { snapshots, others };
}

function permissionsOf(
  { public: everyone, accounts, organizations, organizationalUnits }: PermissionSet,
  snapshots: Map<string, SnapshotPermissions>,
  foreign: Map<string, string | null>,
): Permissions {
  const set = { public: everyone, accounts, organizations, organizationalUnits };
  const publicSnapshots = [...snapshots].flatMap(([id, one]) => (one.public ? [id] : []));
  const snapshotAccounts = onEvery([...snapshots.values()]);
  return { state: { ...set, snapshotAccounts, publicSnapshots }, snapshots, foreign };
}

/** EC2's error for another account's image or snapshot. */
function isOthers(error: unknown): error is AwsError {
  return error instanceof AwsError && error.awsCode === 'AuthFailure' && error.kind === 'denied';
}

function whenForeign(error: unknown): null {
  if (isOthers(error)) return null;
  throw error;
}

/** An account can copy an image if it may read every snapshot of it. */
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
