import type { ImageName } from '../domain/ami.ts';
import { requireRegion } from '../commands/require-region.ts';
import type { AppDeps } from './deps.ts';

/**
 * Reads which image an /amis route is about, in the service's own account. A region that is not configured is refused.
 * @throws {AmiferryError} `unknown-region`; what the call of STS met
 */
export async function imageNamed(
  deps: AppDeps,
  { params, query }: { params: { imageId: string }; query: { region?: string } },
): Promise<ImageName> {
  const region = query.region ?? deps.defaultRegion;
  requireRegion(deps, region, '/region');
  return { imageId: params.imageId, account: await deps.ownAccount.get(), region };
}
