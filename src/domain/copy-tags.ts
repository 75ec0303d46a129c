import type { Tags } from './ami.ts';
import type { CopyJob, Destination } from './job.ts';

/** Tags that the service itself sets. They make each copy findable, even with Redis gone (invariant 5). */
export const JOB_TAG = 'amiferry:job';
export const SOURCE_TAG = 'amiferry:source';
export const ATTEMPT_TAG = 'amiferry:attempt';

/** What every tag of this service's own begins with. */
const OWN = 'amiferry:';

/** The keys of the source's tags that its copies are to have too: neither AWS' own nor this service's travel. */
export function travellingTags(source: Tags): Tags {
  const isTravelling = (key: string) => !key.startsWith('aws:') && !key.startsWith(OWN);
  return Object.fromEntries(Object.entries(source).filter(([key]) => isTravelling(key)));
}

/**
 * The source's tags that a copy has to send itself, because CopyImageTags would send a key beside TagSpecifications that is in there
 * already: one that the caller names too, or that the source has of this service, being a copy itself. What EC2 does with a key
 * that comes twice is documented nowhere. `null`: no key would, and EC2 copies them.
 */
export function tagsToSend(source: Tags, asked: Tags): Tags | null {
  const twice = Object.keys(source).some((key) => key.startsWith(OWN) || Object.hasOwn(asked, key));
  return twice ? travellingTags(source) : null;
}

/** The tags that go into the CopyImage call for the image. Those of the caller go before the source's. */
export function tagsOfImage(job: CopyJob, destination: Destination): Tags {
  return { ...job.sourceTags, ...tagsOfCopy(job, destination) };
}

/** The tags that go into the CopyImage call for the snapshots, and for the image unless it has the source's too. */
export function tagsOfCopy(job: CopyJob, destination: Destination): Tags {
  return {
    ...destination.spec.tags,
    [JOB_TAG]: job.id,
    [SOURCE_TAG]: `${job.image.region}/${job.image.id}`,
    [ATTEMPT_TAG]: String(destination.attempts),
  };
}

/** Whether a resource lacks any tag of `wanted`, or carries it with another value. */
export function lacksTags(wanted: Tags, resource: { tags: Tags }): boolean {
  return Object.entries(wanted).some(([key, value]) => resource.tags[key] !== value);
}
