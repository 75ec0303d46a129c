import type { Image, Scope } from '../domain/ami.ts';
import type { Given } from '../domain/given.ts';
import { plusGiven } from '../domain/given.ts';
import type { Warning } from '../domain/job.ts';
import { granteesOf } from '../domain/policy.ts';
import type { HoldChanges, ImageHolds } from '../store/holds.ts';
import { AwsError } from '../aws/aws-error.ts';
import type { BesideHolds } from './beside-holds.ts';
import { besideHolds, keptForCopies } from './beside-holds.ts';
import { changedMeanwhile } from './changed-meanwhile.ts';
import type { SharingDeps, SharingReads } from './deps.ts';
import type { Differences } from './differences.ts';
import { differences, givenBy, isNothing } from './differences.ts';
import type { ImageFacts } from './facts.ts';
import { sharingFacts } from './facts.ts';
import type { HeldGrant } from './key-grants.ts';
import { readGrants } from './key-grants.ts';
import { namesAllSnapshots } from './names-all-snapshots.ts';
import type { Permissions } from './read.ts';
import { readPermissions } from './read.ts';
import { givenSoFar } from './read-back.ts';
import type { ShareRequest } from './request.ts';

/** The plan of one try: the current state, the differences to make, and what the job then has given. */
export interface Plan {
  now: Permissions;
  /** The holds of the image, and what is known of them once the change is made. */
  holds: ImageHolds;
  holdChanges: HoldChanges;
  leftBehind: BesideHolds['leftBehind'];
  todo: Differences;
  /** Whether the change gives anything: EC2 then has to name all snapshots of the image. */
  gives: boolean;
  facts: ImageFacts;
  held: HeldGrant[];
  /** Why the grants could not be read, or `null`. Withdrawals do not wait for them. */
  failed: unknown;
  /** What the job has given already, and what it is about to give. */
  given: Given;
  warnings: Warning[];
}

/**
 * Plans the differences that a change has to make, given the current permissions.
 * @param read the permissions that this step has just read; `null`: they are read here
 * @throws {AwsError} the errors of the reads; `DevicesMissing` (transient) where the change gives something before EC2 names
 * all snapshots
 */
export async function plan(
  deps: SharingDeps,
  scope: Scope,
  request: ShareRequest,
  read: Permissions | null,
): Promise<Plan> {
  const { image, change: asked } = request;
  const now = read ?? (await readPermissions(deps, scope, image));
  const holds = await deps.store.holds.ofImage(scope, image.imageId);
  const { todo, changes, kept, leftBehind } = besideHolds(asked, differences(asked, now), holds);
  const grantees = granteesOf(asked);
  const gives = !isNothing(todo.give) || grantees.length > 0;
  if (gives && !(await namesAllSnapshots(deps, scope, image))) throw devicesMissing(scope, image.imageId);
  const soFar = givenSoFar(await deps.store.get(request.job.id), request.me);
  const facts = await sharingFacts(deps, scope, image, {
    keys: gives,
    blockPublicAccess: todo.give.launch.public || soFar.public,
    publicImages: todo.give.launch.public,
  });
  const { held, warnings, failed } = await heldGrants(deps, scope, image, facts, now);
  const ungranted = grantees.filter((account) =>
    facts.keys.some(({ keyId }) => !held.some((one) => one.keyId === keyId && one.account === account)),
  );
  const found = changedMeanwhile(request, now.state, soFar);
  const given = plusGiven(soFar, givenBy(todo, ungranted));
  const all = [...warnings, ...found, ...keptForCopies(scope, kept)];
  return {
    now,
    holds,
    todo,
    holdChanges: changes,
    leftBehind,
    gives,
    facts,
    held,
    failed,
    given,
    warnings: all,
  };
}

/** The grants that this service made on the keys of an image; `failed` says why they could not be read. */
export async function heldGrants(
  deps: SharingReads,
  scope: Scope,
  { imageId }: Image,
  facts: ImageFacts | Promise<ImageFacts>,
  { foreign }: Permissions,
): Promise<{ held: HeldGrant[]; warnings: Warning[]; failed: unknown }> {
  try {
    const known = await facts;
    requireKeysKnown(scope, known, { foreign });
    return { ...(await readGrants(deps, scope, imageId, known.keys)), failed: null };
  } catch (error) {
    return { held: [], warnings: [], failed: error };
  }
}

/** @throws {AwsError} `KeyHidden` (transient): EC2 does not name the key of a snapshot of the image's owner (yet) */
export function requireKeysKnown(
  scope: Scope,
  { keyless }: ImageFacts,
  { foreign }: Pick<Permissions, 'foreign'>,
): void {
  const hidden = keyless.find((id) => !foreign.has(id));
  if (hidden !== undefined) throw keyHidden(scope, hidden);
}

/** EC2 may name the snapshots of a new image later than the image. */
export function devicesMissing({ region }: Scope, imageId: string): AwsError {
  const message = `EC2 does not name all snapshots of ${imageId} in ${region} yet`;
  return new AwsError('transient', message, 'DevicesMissing', null, undefined);
}

function keyHidden({ region }: Scope, snapshotId: string): AwsError {
  const message = `EC2 does not name the key of ${snapshotId} in ${region}, so the grants on it are not known`;
  return new AwsError('transient', message, 'KeyHidden', null, undefined);
}
