import type { Image } from '../domain/ami.ts';
import { ATTEMPT_TAG, JOB_TAG } from '../domain/copy-tags.ts';
import type { CopyJob, Destination } from '../domain/job.ts';
import { destinationScope } from '../domain/job.ts';
import type { Ec2Gateway } from '../aws/ec2/gateway.ts';

/**
 * The images that some attempts at a destination made, found by the tags that were part of the CopyImage call. A tag
 * alone proves nothing: tags travel with copies, and anyone may set them. An image counts only if it is this account's
 * and EC2 itself names the image that was copied as its source: the job's source, or an image of the destination's hub.
 */
export async function findCopies(
  gateway: Ec2Gateway,
  job: CopyJob,
  destination: Destination,
  isAttempt: (attempt: number) => boolean,
): Promise<Image[]> {
  const images = await gateway.findImages(destinationScope(destination), { tags: { [JOB_TAG]: job.id } });
  return images.filter(
    (image) =>
      image.state !== 'deregistered' &&
      image.tags[JOB_TAG] === job.id &&
      isAttempt(Number(image.tags[ATTEMPT_TAG])) &&
      isCopyOf(image, job, destination),
  );
}

function isCopyOf({ source }: Image, job: CopyJob, { spec, sources = [] }: Destination): boolean {
  if (spec.hub === undefined) return source?.imageId === job.image.id && source.region === job.image.region;
  return source !== null && source.region === spec.region && sources.includes(source.imageId);
}
