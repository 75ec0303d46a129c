import type { Image, Scope, Snapshot } from '../domain/ami.ts';
import { ATTEMPT_TAG, JOB_TAG } from '../domain/copy-tags.ts';
import type { CopyJob } from '../domain/job.ts';
import type { Ec2Gateway } from '../ec2/gateway.ts';

/**
 * The images that a job made in a scope, found by the tag that was part of the CopyImage call. Tags travel (anyone may
 * copy a copy with its tags), so an image counts only if EC2 also names the job's own source as its source.
 * @param attempt only of this attempt
 */
export async function imagesMadeBy(
  gateway: Ec2Gateway,
  scope: Scope,
  job: CopyJob,
  attempt?: number,
): Promise<Image[]> {
  const images = await gateway.findImages(scope, { tags: { [JOB_TAG]: job.id } });
  return images.filter(
    (image) => image.state !== 'deregistered' && isCopyOf(image, job) && isAttempt(image, attempt),
  );
}

function isCopyOf(image: Image, job: CopyJob): boolean {
  return (
    image.source === null ||
    (image.source.imageId === job.image.id && image.source.region === job.image.region)
  );
}

function isAttempt({ tags }: Image | Snapshot, attempt: number | undefined): boolean {
  return attempt === undefined || tags[ATTEMPT_TAG] === String(attempt);
}
