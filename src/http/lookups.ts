import { requireRegion } from '../commands/require-region.ts';
import type { AppDeps } from './deps.ts';

/** Reads which image an /amis route is about, and refuses a region that is not configured. @throws {AmiferryError} `unknown-region` */
export function imageNamed(
  deps: AppDeps,
  { params, query }: { params: { imageId: string }; query: { region?: string } },
): { imageId: string; region: string } {
  const region = query.region ?? deps.defaultRegion;
  requireRegion(deps, region, '/region');
  return { imageId: params.imageId, region };
}
