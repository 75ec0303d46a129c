import type { Finding } from '../checker.ts';
import type { Ec2 } from '../ec2.ts';
import type { Claims, Grantee, ImageName } from './claims.ts';

/** Whoever can see an image when everything has come to rest is named by the requests that count, and by nothing else. */
export async function checkAccess(
  claims: Claims,
  ec2: Ec2,
  images: readonly ImageName[],
): Promise<Finding[]> {
  const findings = await Promise.all(images.map((image) => checkImage(claims, ec2, image)));
  return findings.flat();
}

async function checkImage(claims: Claims, ec2: Ec2, image: ImageName): Promise<Finding[]> {
  const seers = await seersOf(ec2, image);
  return [...seers]
    .filter((grantee) => !claims.allows(image, grantee))
    .map((grantee) => ({
      kind: 'exposed' as const,
      what: `${image.imageId} in ${image.region} is left to ${grantee}, whom no request (still) names`,
    }));
}

/** Empty for an image that is gone. */
async function seersOf(ec2: Ec2, { region, imageId }: ImageName): Promise<Set<Grantee>> {
  const image = (await ec2.images(region)).find((one) => one.ImageId === imageId);
  if (image === undefined) return new Set();
  const snapshots = (image.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);
  const [launch, ...volumes] = await Promise.all([
    ec2.launchPermissions(region, imageId),
    ...snapshots.map((id) => ec2.volumePermissions(region, id)),
  ]);
  const all = [...launch, ...volumes.flat()];
  return new Set(all.flatMap((one) => Object.values(one).filter((value) => typeof value === 'string')));
}
