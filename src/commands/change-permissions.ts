import type { Image, ImageName, Scope } from '../domain/ami.ts';
import type { Principal } from '../domain/access.ts';
import { isEncrypted } from '../domain/ami.ts';
import type { Job, PermissionsJob, Warning } from '../domain/job.ts';
import { ownerLeftOut } from '../domain/job.ts';
import type { PermissionChange, PermissionRequest, PermissionSet } from '../domain/permissions.ts';
import {
  minus,
  NO_REQUEST,
  normalise,
  onlyWithdraws,
  targetOf,
  withoutOwner,
} from '../domain/permissions.ts';
import { PRIVATE } from '../domain/policy.ts';
import { refusals } from '../domain/sharing-rules.ts';
import { AmiferryError } from '../errors.ts';
import { refuse } from '../sharing/copy-checks.ts';
import { sharingFacts } from '../sharing/facts.ts';
import { againstForeign, readSettled } from '../sharing/foreign-snapshots.ts';
import { isShownAsOwn } from '../sharing/own-image.ts';
import { acceptedNew, authoriseChange, mayChange } from './authorise.ts';
import type { CommandDeps } from './deps.ts';
import type { Notified } from './notify.ts';
import { endpointsFor } from './notify.ts';
import type { Origin } from './origin.ts';
import { NO_ORIGIN } from './origin.ts';
import { requireImage } from './require-image.ts';
import { requireOwnPartition } from './require-partition.ts';
import { jobIdFor, saveJob } from './save-job.ts';

/** Permissions as a caller sends them: a missing list is empty, a missing flag false. */
export type PermissionInput = Partial<PermissionRequest>;

/** Fills in missing fields, and sorts the lists. */
export function permissionRequest(input: PermissionInput): PermissionRequest {
  return normalise({ ...NO_REQUEST, ...input });
}

/**
 * Accepts a change of permissions: checks everything that can be checked before anything changes, then saves the job.
 * @param notified an endpoint to be notified when the job has finished
 * @throws {AmiferryError} `missing-scope`, `outside-policy`, `region-not-enabled`, `image-not-found`, `image-not-available`, `not-image-owner`, `foreign-snapshot`, `other-partition`, `validation-failed`, those of
 *   notify.ts and of sharing-rules.ts
 */
export async function changePermissions(
  deps: CommandDeps,
  source: ImageName,
  asked: PermissionChange,
  principal: Principal,
  origin: Origin = NO_ORIGIN,
  notified?: string,
): Promise<Job> {
  const endpoints = endpointsFor(deps, notified);
  const image = await requireImage(deps, source);
  requireOneWay(asked);
  const { change, left } = leaveOwnerOut(asked, image);
  requireNoGrantsRemoved(change);
  if (change.mode === 'set') requireOwnPartition(source.region, change.set, '');
  else requireOwnPartition(source.region, change.add, '/add');
  requireShareable(image);
  const warnings = [...left, ...requireCopiers(asked, source)];
  const scope = { account: source.account, region: source.region };
  if (!(await isAllowedInAnyCase(deps, principal, scope, image, change)))
    await requireAllowed(deps, principal, scope, image, change);
  const job = newJob(image, change, { warnings, endpoints, principal, origin }, deps.store.now());
  return saveJob(deps, job, origin.claim, acceptedNew(deps, principal, 'change-permissions', job));
}

/**
 * Whether a PUT is allowed whatever the image's permissions are now. It ends with exactly its set, and gives at most all of that: what
 * is allowed for a private image is then allowed for this one, and the permissions of now are not read (the worker reads them). Only for
 * an unencrypted image, and for a set that is not public: there EC2's other rules need no reads either.
 */
async function isAllowedInAnyCase(
  deps: CommandDeps,
  principal: Principal,
  scope: Scope,
  image: Image,
  change: PermissionChange,
): Promise<boolean> {
  if (change.mode !== 'set' || change.set.public || isEncrypted(image)) return false;
  if (!(await mayChange(deps, principal, scope, change, PRIVATE))) return false;
  const facts = await sharingFacts(deps, scope, image);
  if (refusals(facts, change.set, change.set).length > 0) return false;
  return isShownAsOwn(deps, scope, image);
}

/** Checks a change against the image's permissions of now. @throws {AmiferryError} why it is refused */
async function requireAllowed(
  deps: CommandDeps,
  principal: Principal,
  scope: Scope,
  image: Image,
  change: PermissionChange,
): Promise<void> {
  const permissions = await readSettled(deps, scope, image);
  const { state } = permissions;
  const source = { imageId: image.imageId, ...scope };
  await authoriseChange(deps, principal, source, change, state);
  const target = targetOf(change, state);
  const added = minus(target, state);
  const facts = await sharingFacts(deps, scope, image, {
    blockPublicAccess: added.public,
    publicImages: added.public,
  });
  // A withdrawal gives nothing, so a snapshot of another account does not stop it.
  if (!onlyWithdraws(change)) refuse(againstForeign(image, permissions));
  refuse(refusals(facts, added, target));
}

/** Drops the image's owner from what is given: the owner may launch and copy the image without it. */
function leaveOwnerOut(
  change: PermissionChange,
  { ownerId, ...scope }: Image,
): { change: PermissionChange; left: Warning[] } {
  const { set, wasNamed } = withoutOwner(change.mode === 'set' ? change.set : change.add, ownerId);
  const without: PermissionChange = change.mode === 'set' ? { mode: 'set', set } : { ...change, add: set };
  return { change: without, left: wasNamed ? [ownerLeftOut(ownerId, scope)] : [] };
}

/** Refuses a value that is both added and removed: one of the two is a mistake. */
function requireOneWay(change: PermissionChange): void {
  if (change.mode === 'set') return;
  const { add, remove } = change;
  const lists = ['accounts', 'organizations', 'organizationalUnits'] as const;
  const errors = lists.flatMap((list) =>
    remove[list].flatMap((value, i) => {
      const message = `${value} is named in "add" and in "remove": leave it out of one of them`;
      return add[list].includes(value) ? [{ pointer: `/remove/${list}/${i}`, message }] : [];
    }),
  );
  const message = '"public" is true in "add" and in "remove": leave it out of one of them';
  if (add.public && remove.public) errors.unshift({ pointer: '/remove/public', message });
  const [first] = errors;
  if (first === undefined) return;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more: see "errors")` : '';
  throw new AmiferryError('validation-failed', `${first.message}${more}`, { errors });
}

/** Refuses to withdraw a grant without its share: the account could then not launch the image. */
function requireNoGrantsRemoved(change: PermissionChange): void {
  if (change.mode === 'set' || !change.remove.grantKeyAccess) return;
  const message = 'a grant is withdrawn together with its share: remove the accounts instead';
  throw new AmiferryError('validation-failed', message, {
    errors: [{ pointer: '/remove/grantKeyAccess', message }],
  });
}

/** Refuses an image in any other state: EC2 would answer InvalidAMIID.Unavailable. */
function requireShareable({ imageId, state }: Image): void {
  if (state === 'available') return;
  const message = `${imageId} is ${state}; permissions can be changed once it is available`;
  throw new AmiferryError('image-not-available', message);
}

/** Refuses "includeSnapshots" without accounts: this service shares snapshots only with accounts. */
function requireCopiers(change: PermissionChange, scope: Scope): Warning[] {
  const asked = change.mode === 'set' ? change.set : change.add;
  return copiers(asked, scope, change.mode === 'set' ? '/includeSnapshots' : '/add/includeSnapshots');
}

export function copiers(asked: PermissionRequest, { account, region }: Scope, pointer: string): Warning[] {
  if (!asked.includeSnapshots) return [];
  if (asked.accounts.length === 0) {
    const message = asked.public
      ? 'this service makes no snapshot public, since any account could then read the disk: name the accounts that may copy the image in "accounts", or leave "includeSnapshots" out'
      : 'EC2 shares snapshots with accounts, not with organizations or units: name accounts in "accounts", or leave "includeSnapshots" out';
    throw new AmiferryError('validation-failed', message, { errors: [{ pointer, message }] });
  }
  if (!hasOthers(asked)) return [];
  const message =
    'only the accounts in "accounts" can copy the image: EC2 shares snapshots with accounts, not with organizations or units';
  return [{ code: 'organizations-cannot-copy', message, account, region }];
}

function hasOthers(set: PermissionSet): boolean {
  return set.organizations.length + set.organizationalUnits.length > 0;
}

function newJob(
  image: Image,
  change: PermissionChange,
  {
    warnings,
    endpoints,
    principal,
    origin,
  }: { warnings: Warning[]; endpoints: Notified; principal: Principal; origin: Origin },
  now: number,
): PermissionsJob {
  return {
    kind: 'permissions',
    id: jobIdFor(origin.claim, now),
    version: 1,
    image: { id: image.imageId, account: image.account, region: image.region, name: image.name },
    state: 'queued',
    change,
    mayPublish: principal.scopes.has('amis:publish'),
    given: null,
    unreachableSince: null,
    heldUpAt: null,
    unseen: null,
    stopping: null,
    before: null,
    after: null,
    error: null,
    attempts: 1,
    warnings,
    ...endpoints,
    deliveriesMade: 0,
    requestedBy: principal.id,
    requestId: origin.requestId,
    traceparent: origin.traceparent,
    createdAt: now,
    updatedAt: now,
    startedAt: null,
    finishedAt: null,
  };
}
