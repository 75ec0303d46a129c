import type { Tags } from './ami.ts';
import type { CopyJob, Destination } from './job.ts';

/** Tags that the service itself sets. They make each copy findable, even with Redis gone (invariant 5). */
export const JOB_TAG = 'amiferry:job';
export const SOURCE_TAG = 'amiferry:source';
export const ATTEMPT_TAG = 'amiferry:attempt';

/** The prefix of all tags that the service itself sets. */
const OWN = 'amiferry:';

/** The keys of the source's tags that its copies also get. AWS' own tags and this service's tags are never copied. */
export function travellingTags(source: Tags): Tags {
  const isTravelling = (key: string) => !key.startsWith('aws:') && !key.startsWith(OWN);
  return Object.fromEntries(Object.entries(source).filter(([key]) => isTravelling(key)));
}

/**
 * The source's tags that the CopyImage call has to send itself. CopyImageTags would copy every tag of the source, also one
 * whose key is in TagSpecifications already: a key that the caller names too, or a tag of this service where the source is
 * itself a copy. EC2 does not document what it does with a key that comes twice. EC2 copies no tags into another account
 * (`abroad`). `null`: EC2 copies the tags.
 */
export function tagsToSend(source: Tags, asked: Tags, abroad: boolean): Tags | null {
  const twice = Object.keys(source).some((key) => key.startsWith(OWN) || Object.hasOwn(asked, key));
  return twice || abroad ? travellingTags(source) : null;
}

/** The tags in the CopyImage call for the image. The caller's tags override the source's. */
export function tagsOfImage(job: CopyJob, destination: Destination): Tags {
  return { ...job.sourceTags, ...tagsOfCopy(job, destination) };
}

/** The tags in the CopyImage call for the snapshots. The image has the same ones, unless it also gets the source's tags. */
export function tagsOfCopy(job: CopyJob, destination: Destination): Tags {
  return {
    ...destination.spec.tags,
    [JOB_TAG]: job.id,
    [SOURCE_TAG]: `${job.image.region}/${job.image.id}`,
    [ATTEMPT_TAG]: String(destination.attempts),
  };
}

/** Whether a resource lacks a tag of `wanted`, or has it with another value. */
export function lacksTags(wanted: Tags, resource: { tags: Tags }): boolean {
  return Object.entries(wanted).some(([key, value]) => resource.tags[key] !== value);
}
