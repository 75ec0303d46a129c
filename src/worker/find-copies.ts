import type { Image, Scope } from '../domain/ami.ts';
import { ATTEMPT_TAG, JOB_TAG } from '../domain/copy-tags.ts';
import type { CopyJob } from '../domain/job.ts';
import type { Ec2Gateway } from '../aws/ec2/gateway.ts';

/**
 * The images that some attempts of a job made in a scope, found by the tags that were part of the CopyImage call. A tag
 * alone proves nothing: tags travel with copies, and anyone may set them. An image counts only if it is this account's
 * and EC2 itself names the job's own source as its source.
 */
export async function findCopies(
  gateway: Ec2Gateway,
  scope: Scope,
  job: CopyJob,
  isAttempt: (attempt: number) => boolean,
): Promise<Image[]> {
  const images = await gateway.findImages(scope, { tags: { [JOB_TAG]: job.id } });
  return images.filter(
    (image) =>
      image.state !== 'deregistered' &&
      image.tags[JOB_TAG] === job.id &&
      isAttempt(Number(image.tags[ATTEMPT_TAG])) &&
      isCopyOf(image, job),
  );
}

function isCopyOf({ source }: Image, job: CopyJob): boolean {
  return source?.imageId === job.image.id && source.region === job.image.region;
}
