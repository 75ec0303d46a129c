import { clientToken } from '../domain/copy-token.ts';
import { tagsOfCopy, tagsOfImage } from '../domain/copy-tags.ts';
import { sourceOf } from '../domain/hubs.ts';
import type { CopyJob, Destination } from '../domain/job.ts';
import { destinationKey } from '../domain/job.ts';
import type { CopyImageParams } from '../aws/ec2/gateway.ts';

/** The parameters of the CopyImage call of one attempt. They never change, since all of them come from fixed parts of the record. */
export function copyParams(job: CopyJob, destination: Destination): CopyImageParams {
  const { spec } = destination;
  const source = sourceOf(job, destination);
  if (source === null) throw new Error(`${destinationKey(destination)} has no image to be copied from yet`);
  return {
    source: { imageId: source.imageId, region: source.region },
    name: spec.name,
    description: spec.description,
    clientToken: clientToken(job.id, destinationKey(destination), destination.attempts),
    encrypted: spec.encrypted,
    kmsKeyId: spec.kmsKeyId,
    copyTags: spec.copyTags && job.sourceTags === undefined,
    imageTags: tagsOfImage(job, destination),
    snapshotTags: tagsOfCopy(job, destination),
    completionDurationMinutes: spec.completionDurationMinutes,
  };
}
