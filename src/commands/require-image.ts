import type { Image, ImageName } from '../domain/ami.ts';
import { AmiferryError } from '../errors.ts';
import type { Ec2Gateway } from '../aws/ec2/gateway.ts';
import type { CommandDeps } from './deps.ts';
import { whereEnabled } from './require-enabled.ts';
import { requireRegion } from './require-region.ts';

/** The image that a request is about. @throws {AmiferryError} `unknown-region`, `region-not-enabled`, `image-not-found` */
export async function requireImage(
  deps: Pick<CommandDeps, 'regions' | 'disabledRegions'> & { gateway: Pick<Ec2Gateway, 'describeImage'> },
  { imageId, account, region }: ImageName,
): Promise<Image> {
  requireRegion(deps, region, '/region');
  const image = await whereEnabled(deps, region, () =>
    deps.gateway.describeImage({ account, region }, imageId),
  );
  if (image !== null) return image;
  const message = `${imageId} doesn't exist in ${region}, or isn't visible to this account. Is ?region= right?`;
  throw new AmiferryError('image-not-found', message);
}
