import type { Tags } from './ami.ts';
import type { CopyJob, Destination } from './job.ts';

/** Tags that the service itself sets. They make each copy findable, even with Redis gone (invariant 5). */
export const JOB_TAG = 'amiferry:job';
export const SOURCE_TAG = 'amiferry:source';
export const ATTEMPT_TAG = 'amiferry:attempt';

/** The tags that go into the CopyImage call, on the image and on its snapshots. */
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
