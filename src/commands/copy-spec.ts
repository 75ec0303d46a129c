import type { Image, Tags } from '../domain/ami.ts';
import { isEncrypted } from '../domain/ami.ts';
import { ATTEMPT_TAG, JOB_TAG, SOURCE_TAG, travellingTags } from '../domain/copy-tags.ts';
import type { CopySpec } from '../domain/job.ts';
import { AmiferryError } from '../errors.ts';
import type { PermissionInput } from './change-permissions.ts';

/** Fields that may be set for all destinations, and for one of them. */
export interface CopyOptions {
  name?: string;
  description?: string;
  encrypted?: boolean;
  kmsKeyId?: string;
  completionDurationMinutes?: number;
}

export interface CopyRequest extends CopyOptions {
  copyTags?: boolean;
  tags?: Tags;
  /** Each names a region, and an account if it is not the service's own; or a group of accounts. */
  destinations: readonly (CopyOptions & {
    account?: string;
    region?: string;
    group?: string;
    regions?: readonly string[];
  })[];
  onFailure?: 'keep' | 'deregister';
  /** `region`: one copy into each region, and copies of that into the other accounts. Default `direct`. */
  via?: 'direct' | 'region';
  /** With `"via": "region"`: what becomes of the copies that were made only for that. Default `keep`. */
  hubCopies?: 'keep' | 'remove';
  /** Permissions that each copy gets once it is available. */
  permissions?: PermissionInput;
  /** An endpoint that is notified when the job and each destination has finished. */
  notify?: { url: string };
}

/** A destination with its account. `at`: the JSON pointer to it in the request. */
export type AskedDestination = CopyOptions & { account: string; region: string; at: string };

/** Builds the spec of one destination. @throws {AmiferryError} `same-region`, `encryption-cannot-be-removed`, `validation-failed` */
export function specOf(request: CopyRequest, one: AskedDestination, image: Image): CopySpec {
  const asked = { ...request, ...one };
  const encrypted = asked.encrypted ?? (asked.kmsKeyId === undefined ? null : true);
  if (encrypted === false) {
    const place = one.encrypted === undefined ? '' : one.at;
    refuseUnencrypted(image, asked.kmsKeyId, one.region, `${place}/encrypted`);
  }
  const isHere = one.region === image.region && one.account === image.account;
  if (isHere && asked.kmsKeyId === undefined && encrypted !== true) {
    throw new AmiferryError(
      'same-region',
      `${image.imageId} is in ${one.region} already: name other regions, or "encrypted" and "kmsKeyId" to re-encrypt it there`,
    );
  }
  return {
    account: one.account,
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

/** Decides whether a copy is encrypted. EC2 can add encryption to a copy, and can't remove it. */
function refuseUnencrypted(
  image: Image,
  kmsKeyId: string | undefined,
  region: string,
  pointer: string,
): void {
  if (kmsKeyId !== undefined) {
    const message = `"encrypted": false and a "kmsKeyId" contradict each other for ${region}: leave one of them out`;
    throw new AmiferryError('validation-failed', message, { errors: [{ pointer, message }] });
  }
  if (isEncrypted(image)) {
    throw new AmiferryError(
      'encryption-cannot-be-removed',
      `${image.imageId} is encrypted, so its copies are too: leave "encrypted" out, or name the key with "kmsKeyId"`,
    );
  }
}

/** EC2's limit of tags per resource. EC2 would answer TagLimitExceeded only after the copy was accepted. */
const MAX_TAGS = 50;

/** @throws {AmiferryError} `validation-failed` */
export function requireTagsFit(specs: CopySpec[], image: Image): void {
  for (const spec of specs) {
    const copied = spec.copyTags ? Object.keys(travellingTags(image.tags)) : [];
    const all = new Set([...copied, ...Object.keys(spec.tags), JOB_TAG, SOURCE_TAG, ATTEMPT_TAG]);
    if (all.size > MAX_TAGS) {
      const message = `the source's tags, "tags" and the three of this service are ${all.size} in total, and EC2 allows ${MAX_TAGS}: leave some out, or set "copyTags": false`;
      throw new AmiferryError('validation-failed', message, { errors: [{ pointer: '/tags', message }] });
    }
  }
}
