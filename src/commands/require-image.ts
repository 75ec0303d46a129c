import type { Image, ImageName } from '../domain/ami.ts';
import { AmiferryError } from '../errors.ts';
import type { Ec2Gateway } from '../aws/ec2/gateway.ts';
import type { CommandDeps } from './deps.ts';
import { whereEnabled } from './require-enabled.ts';

/**
 * Looks up the image that a request is about.
 * @param source its region is one that is configured: the route has checked it (http/lookups.ts)
 * @throws {AmiferryError} `region-not-enabled`, `image-not-found`
 */
export async function requireImage(
  deps: Pick<CommandDeps, 'disabledRegions'> & { gateway: Pick<Ec2Gateway, 'describeImage'> },
  { imageId, account, region }: ImageName,
): Promise<Image> {
  const image = await whereEnabled(deps, { account, region }, () =>
    deps.gateway.describeImage({ account, region }, imageId),
  );
  if (image !== null) return image;
  const message = `${imageId} doesn't exist in ${region}, or isn't visible to account ${account}. Is ?region= right, and ?account=?`;
  throw new AmiferryError('image-not-found', message);
}
