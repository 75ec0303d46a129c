import type { Image, ImageName } from '../domain/ami.ts';
import { scopeKey } from '../domain/ami.ts';
import { tagsToSend } from '../domain/copy-tags.ts';
import { withNeeded } from '../domain/holds.ts';
import type { Principal } from '../domain/access.ts';
import type { CopyJob, CopySpec, Destination, Job, Warning } from '../domain/job.ts';
import type { PermissionRequest } from '../domain/permissions.ts';
import { NO_REQUEST, sortedSet } from '../domain/permissions.ts';
import { accountsOfHub, hubScopes, withHubs } from './via-region.ts';
import { UNTOUCHED } from '../domain/retry-transitions.ts';
import { AmiferryError } from '../errors.ts';
import { checkCopy } from '../sharing/copy-checks.ts';
import { leaveOwnerOut, ofAnotherAccount, requireSourceFor } from './accounts-of-copy.ts';
import { acceptedNew, authoriseCopy } from './authorise.ts';
import { copiers, permissionRequest } from './change-permissions.ts';
import type { AskedDestination, CopyRequest } from './copy-spec.ts';
import { requireTagsFit, specOf } from './copy-spec.ts';
import { destinationsOf, oldGroups } from './copy-destinations.ts';
import type { CommandDeps } from './deps.ts';
import type { Notified } from './notify.ts';
import { endpointsFor } from './notify.ts';
import type { Origin } from './origin.ts';
import { NO_ORIGIN } from './origin.ts';
import type { NamedScope } from './require-account.ts';
import { requireAccounts } from './require-account.ts';
import { requireEnabled } from './require-enabled.ts';
import { requireImage } from './require-image.ts';
import { requireOwnPartition, requireReachable } from './require-partition.ts';
import { requireRegions } from './require-region.ts';
import { jobIdFor, saveJob } from './save-job.ts';
import { takenNames } from './taken-names.ts';

export type { CopyRequest };

/**
 * Accepts a copy: checks everything that can be checked before anything changes, then saves the job.
 * @throws {AmiferryError} `unknown-region`, `unknown-account`, `other-partition`, `source-not-shared`, `foreign-product-codes`, `foreign-snapshot`, `region-not-enabled`, `missing-scope`, `outside-policy`, `image-not-found`, `image-not-available`, `same-region`,
 *   `encryption-cannot-be-removed`, `validation-failed`, those of notify.ts and of copy-checks.ts, or the error of DescribeImages.
 */
export async function requestCopy(
  deps: CommandDeps,
  source: ImageName,
  request: CopyRequest,
  principal: Principal,
  origin: Origin = NO_ORIGIN,
): Promise<Job> {
  requireVia(request);
  const destinations = await destinationsOf(deps, request);
  requireRegions(
    deps,
    destinations.map(({ region, pointers }) => ({ region, pointer: pointers.region })),
  );
  requireDistinct(destinations);
  requireReachable(source.region, destinations);
  const hubs = hubScopes(request, source, destinations);
  await requireAccounts(deps, [...destinations, ...hubs]);
  const endpoints = endpointsFor(deps, request.notify?.url);
  const asked = request.permissions === undefined ? null : permissionRequest(request.permissions);
  if (asked !== null) requireOwnPartition(source.region, asked, '/permissions');
  await authoriseCopy(deps, principal, source, {
    destinations: plannedOf(request, source, destinations),
    permissions: asked,
  });
  await requireEnabled(deps, [
    { account: source.account, region: source.region, pointer: '/region' },
    ...[...destinations, ...hubs].map((one) => ({ ...one, pointer: one.pointers.region })),
  ]);
  const image = await requireCopyable(deps, source);
  const named = destinations.map((one) => specOf(request, one, image));
  const specs = withHubs(request, named, image);
  requireTagsFit(specs, image);
  const others = asked === null ? [] : copiers(asked, image, '/permissions/includeSnapshots');
  const abroad = goesAbroad(image, specs);
  const { permissions, left } = leaveOwnerOut(image, asked, abroad);
  const foreign = await ofAnotherAccount(deps, image, request.copyTags ?? true, abroad);
  await requireSourceFor(deps, image, specs);
  const [checked, taken] = await Promise.all([
    checkAll(deps, image, request, destinations, specs, permissions),
    takenNames(deps, image, specs),
  ]);
  const old = oldGroups(deps, request, source);
  const warnings = [...old, ...left, ...others, ...foreign, ...checked, ...taken];
  const job = newJob(
    image,
    specs,
    { request, permissions, warnings, endpoints, requestedBy: principal.id, origin },
    deps.store.now(),
  );
  return saveJob(deps, job, origin.claim, acceptedNew(deps, principal, 'request-copy', job));
}

/** What the policy decides about. Copies that are added as hubs are in regions that the request names, under the key of the request. */
function plannedOf(
  { via, kmsKeyId: key }: CopyRequest,
  { account: own }: ImageName,
  destinations: readonly AskedDestination[],
) {
  const planned = destinations.map(({ account, region, kmsKeyId = null }) => ({ account, region, kmsKeyId }));
  if (via !== 'region' || key === undefined) return planned;
  return [...planned, ...planned.map(({ region }) => ({ account: own, region, kmsKeyId: key }))];
}

/** @throws {AmiferryError} `validation-failed` */
function requireVia({ via, hubCopies }: CopyRequest): void {
  if (hubCopies === undefined || via === 'region') return;
  const message =
    '"hubCopies" is valid only with "via": "region": add "via": "region", or leave "hubCopies" out';
  throw new AmiferryError('validation-failed', message, { errors: [{ pointer: '/hubCopies', message }] });
}

function requireDistinct(destinations: readonly NamedScope[]): void {
  const keys = destinations.map(scopeKey);
  const errors = destinations.flatMap(({ account, region, pointers }, i) =>
    keys.indexOf(scopeKey({ account, region })) < i
      ? [{ pointer: pointers.region, message: `${region} is named twice for account ${account}` }]
      : [],
  );
  if (errors.length > 0)
    throw new AmiferryError('validation-failed', errors.map(({ message }) => message).join('; '), { errors });
}

async function requireCopyable(
  { recentImages, disabledRegions }: CommandDeps,
  source: ImageName,
): Promise<Image> {
  const image = await requireImage({ gateway: recentImages, disabledRegions }, source);
  if (image.state !== 'available') {
    const why = image.stateReason === null ? '' : ` (${image.stateReason})`;
    throw new AmiferryError(
      'image-not-available',
      `${source.imageId} is ${image.state}${why}; only an available image can be copied`,
    );
  }
  return image;
}

/** Checks all regions concurrently; the first refusal refuses the request. */
async function checkAll(
  deps: CommandDeps,
  image: Image,
  request: CopyRequest,
  destinations: readonly AskedDestination[],
  specs: CopySpec[],
  permissions: PermissionRequest | null,
): Promise<Warning[]> {
  const added = specs.length - destinations.length;
  const found = await Promise.all(
    specs.map((spec, i) => {
      const unencrypted = (destinations[i - added]?.encrypted ?? request.encrypted) === false;
      const sharees = accountsOfHub(specs, spec);
      const all = sharees.length === 0 ? permissions : withAccounts(permissions, sharees);
      return checkCopy(deps, image, spec, all, unencrypted);
    }),
  );
  return found.flat();
}

function withAccounts(permissions: PermissionRequest | null, accounts: readonly string[]): PermissionRequest {
  const { accounts: asked, ...rest } = permissions ?? NO_REQUEST;
  return { ...rest, accounts: sortedSet([...asked, ...accounts]) };
}

/** Whether a copy goes into another account than the source's: EC2 does not copy the source's tags there. */
function goesAbroad({ account }: Image, specs: readonly CopySpec[]): boolean {
  return specs.some((one) => one.account !== account);
}

function newJob(
  image: Image,
  specs: CopySpec[],
  asked: {
    request: CopyRequest;
    permissions: PermissionRequest | null;
    warnings: Warning[];
    endpoints: Notified;
    requestedBy: string;
    origin: Origin;
  },
  now: number,
): CopyJob {
  const { request, permissions, warnings, endpoints, requestedBy, origin } = asked;
  const sourceTags =
    (request.copyTags ?? true) ? tagsToSend(image.tags, request.tags ?? {}, goesAbroad(image, specs)) : null;
  const destinations = specs.map((spec): Destination => ({ spec, ...UNTOUCHED, attempts: 1 }));
  return withNeeded({
    kind: 'copy',
    id: jobIdFor(origin.claim, now),
    version: 1,
    image: { id: image.imageId, account: image.account, region: image.region, name: image.name },
    onFailure: request.onFailure ?? 'keep',
    destinations,
    permissions,
    ...(sourceTags === null ? {} : { sourceTags }),
    ...(request.hubCopies === undefined ? {} : { hubCopies: request.hubCopies }),
    warnings,
    ...endpoints,
    deliveriesMade: 0,
    requestedBy,
    requestId: origin.requestId,
    traceparent: origin.traceparent,
    createdAt: now,
    updatedAt: now,
    finishedAt: null,
  });
}
