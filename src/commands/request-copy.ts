import type { Image, Tags } from '../domain/ami.ts';
import { isEncrypted } from '../domain/ami.ts';
import { JOB_TAG, SOURCE_TAG, ATTEMPT_TAG } from '../domain/copy-tags.ts';
import type { Principal } from '../domain/access.ts';
import type { CopyJob, CopySpec, Destination, Job, Warning } from '../domain/job.ts';
import type { PermissionRequest } from '../domain/permissions.ts';
import { UNTOUCHED } from '../domain/transitions.ts';
import { AmiferryError } from '../errors.ts';
import { checkCopy } from '../permissions/copy-checks.ts';
import { ifKnown } from '../permissions/facts.ts';
import { acceptedNew, authoriseCopy } from './authorise.ts';
import type { PermissionInput } from './change-permissions.ts';
import { copiers, permissionRequest } from './change-permissions.ts';
import type { CommandDeps } from './deps.ts';
import type { Told } from './notify.ts';
import { endpointsFor } from './notify.ts';
import type { Origin } from './origin.ts';
import { NO_ORIGIN } from './origin.ts';
import { requireImage } from './require-image.ts';
import { requireRegion } from './require-region.ts';
import { jobIdFor, saveJob } from './save-job.ts';

/** What may be said for all destinations, or for one of them. */
interface CopyOptions {
  name?: string;
  description?: string;
  encrypted?: boolean;
  kmsKeyId?: string;
  completionDurationMinutes?: number;
}

export interface CopyRequest extends CopyOptions {
  copyTags?: boolean;
  tags?: Tags;
  destinations: readonly (CopyOptions & { region: string })[];
  onFailure?: 'keep' | 'deregister';
  /** Given to each copy once it is available. */
  permissions?: PermissionInput;
  /** An endpoint to be told when the job and each destination has finished. */
  notify?: { url: string };
}

/**
 * Accepts a copy: checks all that can be checked before anything changes, saves the job.
 * @throws {AmiferryError} `unknown-region`, `region-not-enabled`, `missing-scope`, `outside-policy`, `image-not-found`, `image-not-available`, `same-region`,
 *   `encryption-cannot-be-removed`, `validation-failed`, those of notify.ts and of copy-checks.ts, or what the look at the source met.
 */
export async function requestCopy(
  deps: CommandDeps,
  source: { imageId: string; region: string },
  request: CopyRequest,
  principal: Principal,
  origin: Origin = NO_ORIGIN,
): Promise<Job> {
  request.destinations.forEach(({ region }, i) => requireRegion(deps, region, `/destinations/${i}/region`));
  requireDistinct(request.destinations.map(({ region }) => region));
  const told = endpointsFor(deps, request.notify?.url);
  const permissions = request.permissions === undefined ? null : permissionRequest(request.permissions);
  const destinations = request.destinations.map(({ region, kmsKeyId = request.kmsKeyId ?? null }) => ({
    region,
    kmsKeyId,
  }));
  await authoriseCopy(deps, principal, source, { destinations, permissions });
  const image = await requireCopyable(deps, source);
  const specs = request.destinations.map((one) => specOf(request, one, image));
  requireTagsFit(specs, image);
  const warnings = await checkAll(deps, image, request, specs, permissions);
  const job = newJob(
    image,
    specs,
    { request, permissions, warnings, told, requestedBy: principal.id, origin },
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
  { recentImages, regions }: CommandDeps,
  source: { imageId: string; region: string },
): Promise<Image> {
  const image = await requireImage({ gateway: recentImages, regions }, source);
  if (image.state !== 'available') {
    const why = image.stateReason === null ? '' : ` (${image.stateReason})`;
    throw new AmiferryError(
      'image-not-available',
      `${source.imageId} is ${image.state}${why}; only an available image can be copied`,
    );
  }
  return image;
}

function specOf(request: CopyRequest, one: CopyRequest['destinations'][number], image: Image): CopySpec {
  const asked = { ...request, ...one };
  const encrypted = asked.encrypted ?? (asked.kmsKeyId === undefined ? null : true);
  if (encrypted === false) {
    const place = one.encrypted === undefined ? '' : `/destinations/${request.destinations.indexOf(one)}`;
    refuseUnencrypted(image, asked.kmsKeyId, one.region, `${place}/encrypted`);
  }
  if (one.region === image.region && asked.kmsKeyId === undefined && encrypted !== true) {
    throw new AmiferryError(
      'same-region',
      `${image.imageId} is in ${one.region} already: name other regions, or "encrypted" and "kmsKeyId" to re-encrypt it there`,
    );
  }
  return {
    region: one.region,
    name: asked.name ?? image.name,
    description: asked.description ?? image.description,
    copyTags: request.copyTags ?? true,
    tags: request.tags ?? {},
    encrypted: encrypted === true ? true : null,
    kmsKeyId: asked.kmsKeyId ?? null,
    completionDurationMinutes: asked.completionDurationMinutes ?? null,
  };
}

/** EC2 can add encryption to a copy and never take it away. */
function refuseUnencrypted(
  image: Image,
  kmsKeyId: string | undefined,
  region: string,
  pointer: string,
): void {
  if (kmsKeyId !== undefined) {
    const message = `"encrypted": false and a "kmsKeyId" contradict each other for ${region}`;
    throw new AmiferryError('validation-failed', message, { errors: [{ pointer, message }] });
  }
  if (isEncrypted(image)) {
    throw new AmiferryError(
      'encryption-cannot-be-removed',
      `${image.imageId} is encrypted, so its copies are too: leave "encrypted" out, or name the key with "kmsKeyId"`,
    );
  }
}

/** EC2's limit of tags a resource (TagLimitExceeded would come only after the copy was accepted). */
const MAX_TAGS = 50;

function requireTagsFit(specs: CopySpec[], image: Image): void {
  for (const spec of specs) {
    const copied = spec.copyTags ? Object.keys(image.tags).filter((key) => !key.startsWith('aws:')) : [];
    const all = new Set([...copied, ...Object.keys(spec.tags), JOB_TAG, SOURCE_TAG, ATTEMPT_TAG]);
    if (all.size > MAX_TAGS) {
      const message = `the source's tags, "tags" and the three of this service make ${all.size}; EC2 allows ${MAX_TAGS}`;
      throw new AmiferryError('validation-failed', message, { errors: [{ pointer: '/tags', message }] });
    }
  }
}

/** An opt-in region that the account has not enabled answers no call. Where that may not be read, EC2 itself refuses it later. */
async function requireEnabled({ disabledRegions }: CommandDeps, specs: CopySpec[]): Promise<void> {
  const disabled = await ifKnown(disabledRegions.read());
  const errors = specs.flatMap(({ region }, i) => {
    if (disabled?.includes(region) !== true) return [];
    const message = `${region} is not enabled in this account: enable it (aws account enable-region --region-name ${region}), or leave it out`;
    return [{ pointer: `/destinations/${i}/region`, message }];
  });
  if (errors.length === 0) return;
  const names = errors.map(({ message }) => message).join('; ');
  throw new AmiferryError('region-not-enabled', names, { errors });
}

/** Regions are looked at side by side; the first refusal refuses the request. */
async function checkAll(
  deps: CommandDeps,
  image: Image,
  request: CopyRequest,
  specs: CopySpec[],
  permissions: PermissionRequest | null,
): Promise<Warning[]> {
  await requireEnabled(deps, specs);
  const found = await Promise.all(
    specs.map((spec, i) => {
      const unencrypted = (request.destinations[i]?.encrypted ?? request.encrypted) === false;
      return checkCopy(deps, image, spec, permissions, unencrypted);
    }),
  );
  const others =
    permissions === null ? [] : copiers(permissions, image.region, '/permissions/includeSnapshots');
  return [...found.flat(), ...others];
}

function newJob(
  image: Image,
  specs: CopySpec[],
  asked: {
    request: CopyRequest;
    permissions: PermissionRequest | null;
    warnings: Warning[];
    told: Told;
    requestedBy: string;
    origin: Origin;
  },
  now: number,
): CopyJob {
  const { request, permissions, warnings, told, requestedBy, origin } = asked;
  return {
    kind: 'copy',
    id: jobIdFor(origin.claim, now),
    version: 1,
    image: { id: image.imageId, region: image.region, name: image.name },
    onFailure: request.onFailure ?? 'keep',
    destinations: specs.map((spec): Destination => ({ spec, ...UNTOUCHED, attempts: 1 })),
    permissions,
    warnings,
    ...told,
    deliveries: [],
    requestedBy,
    requestId: origin.requestId,
    traceparent: origin.traceparent,
    createdAt: now,
    updatedAt: now,
    finishedAt: null,
  };
}
