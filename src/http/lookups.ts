import type { ImageName } from '../domain/ami.ts';
import { requireRegion } from '../commands/require-region.ts';
import type { AppDeps } from './deps.ts';

/** The image that an /amis route is about, in the service's own account. @throws {AmiferryError} `unknown-region`, those of STS */
export async function imageNamed(
  deps: AppDeps,
  { params, query }: { params: { imageId: string }; query: { region?: string } },
): Promise<ImageName> {
  const region = query.region ?? deps.defaultRegion;
  requireRegion(deps, region, '/region');
  return { imageId: params.imageId, account: await deps.ownAccount.get(), region };
}
