import type { Image, ImageName } from '../domain/ami.ts';
import { tagsToSend } from '../domain/copy-tags.ts';
import type { Principal } from '../domain/access.ts';
import type { CopyJob, CopySpec, Destination, Job, Warning } from '../domain/job.ts';
import type { PermissionRequest } from '../domain/permissions.ts';
import { UNTOUCHED } from '../domain/transitions.ts';
import { AmiferryError } from '../errors.ts';
import { checkCopy } from '../sharing/copy-checks.ts';
import { leaveOwnerOut, ofAnotherAccount } from './accounts-of-copy.ts';
import { acceptedNew, authoriseCopy } from './authorise.ts';
import { copiers, permissionRequest } from './change-permissions.ts';
import type { CopyRequest } from './copy-spec.ts';
import { requireTagsFit, specOf } from './copy-spec.ts';
import type { CommandDeps } from './deps.ts';
import type { Notified } from './notify.ts';
import { endpointsFor } from './notify.ts';
import type { Origin } from './origin.ts';
import { NO_ORIGIN } from './origin.ts';
import { requireEnabled } from './require-enabled.ts';
import { requireImage } from './require-image.ts';
import { requireOwnPartition, requireReachable } from './require-partition.ts';
import { requireRegions } from './require-region.ts';
import { jobIdFor, saveJob } from './save-job.ts';
import { takenNames } from './taken-names.ts';

export type { CopyRequest };

/**
 * Accepts a copy: checks everything that can be checked before anything changes, then saves the job.
 * @throws {AmiferryError} `unknown-region`, `other-partition`, `foreign-product-codes`, `foreign-snapshot`, `region-not-enabled`, `missing-scope`, `outside-policy`, `image-not-found`, `image-not-available`, `same-region`,
 *   `encryption-cannot-be-removed`, `validation-failed`, those of notify.ts and of copy-checks.ts, or the error of DescribeImages.
 */
export async function requestCopy(
  deps: CommandDeps,
  source: ImageName,
  request: CopyRequest,
  principal: Principal,
  origin: Origin = NO_ORIGIN,
): Promise<Job> {
  const named = request.destinations.map(({ region }, i) => ({
    region,
    pointer: `/destinations/${i}/region`,
  }));
  requireRegions(deps, named);
  requireDistinct(request.destinations.map(({ region }) => region));
  requireReachable(source.region, request.destinations);
  const endpoints = endpointsFor(deps, request.notify?.url);
  const asked = request.permissions === undefined ? null : permissionRequest(request.permissions);
  if (asked !== null) requireOwnPartition(source.region, asked, '/permissions');
  const destinations = request.destinations.map(({ region, kmsKeyId = request.kmsKeyId ?? null }) => ({
    region,
    kmsKeyId,
  }));
  await authoriseCopy(deps, principal, source, { destinations, permissions: asked });
  await requireEnabled(deps, [{ region: source.region, pointer: '/region' }, ...named]);
  const image = await requireCopyable(deps, source);
  const specs = request.destinations.map((one) => specOf(request, one, image));
  requireTagsFit(specs, image);
  const others = asked === null ? [] : copiers(asked, image, '/permissions/includeSnapshots');
  const { permissions, left } = leaveOwnerOut(image, asked);
  const foreign = await ofAnotherAccount(deps, image, request.copyTags ?? true);
  const [checked, taken] = await Promise.all([
    checkAll(deps, image, request, specs, permissions),
    takenNames(deps, image, specs),
  ]);
  const warnings = [...left, ...others, ...foreign, ...checked, ...taken];
  const job = newJob(
    image,
    specs,
    { request, permissions, warnings, endpoints, requestedBy: principal.id, origin },
    deps.store.now(),
  );
  return saveJob(deps, job, origin.claim, acceptedNew(deps, principal, 'request-copy', job));
}

function requireDistinct(regions: string[]): void {
  const errors = regions.flatMap((region, i) =>
    regions.indexOf(region) < i
      ? [{ pointer: `/destinations/${i}/region`, message: `${region} is named twice` }]
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
  specs: CopySpec[],
  permissions: PermissionRequest | null,
): Promise<Warning[]> {
  const found = await Promise.all(
    specs.map((spec, i) => {
      const unencrypted = (request.destinations[i]?.encrypted ?? request.encrypted) === false;
      return checkCopy(deps, image, spec, permissions, unencrypted);
    }),
  );
  return found.flat();
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
  const sourceTags = (request.copyTags ?? true) ? tagsToSend(image.tags, request.tags ?? {}) : null;
  return {
    kind: 'copy',
    id: jobIdFor(origin.claim, now),
    version: 1,
    image: { id: image.imageId, account: image.account, region: image.region, name: image.name },
    onFailure: request.onFailure ?? 'keep',
    destinations: specs.map((spec): Destination => ({ spec, ...UNTOUCHED, attempts: 1 })),
    permissions,
    ...(sourceTags === null ? {} : { sourceTags }),
    warnings,
    ...endpoints,
    deliveriesMade: 0,
    requestedBy,
    requestId: origin.requestId,
    traceparent: origin.traceparent,
    createdAt: now,
    updatedAt: now,
    finishedAt: null,
  };
}
