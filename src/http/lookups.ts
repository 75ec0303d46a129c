import { requireRegion } from '../commands/require-region.ts';
import type { Image } from '../domain/ami.ts';
import { SELF } from '../domain/ami.ts';
import { AmiferryError } from '../errors.ts';
import type { AppDeps } from './deps.ts';

/** @throws {AmiferryError} `image-not-found`, or what the look at EC2 met */
export async function getImage(
  { gateway }: AppDeps,
  { imageId, region }: { imageId: string; region: string },
): Promise<Image> {
  const image = await gateway.describeImage({ account: SELF, region }, imageId);
  if (image === null) {
    throw new AmiferryError(
      'image-not-found',
      `${imageId} doesn't exist in ${region}, or isn't visible to this account. Is ?region= right?`,
    );
  }
  return image;
}

/** The image that an /amis route is about. @throws {AmiferryError} `unknown-region` */
export function imageNamed(
  deps: AppDeps,
  { params, query }: { params: { imageId: string }; query: { region?: string } },
): { imageId: string; region: string } {
  const region = query.region ?? deps.defaultRegion;
  requireRegion(deps, region, '/region');
  return { imageId: params.imageId, region };
}
