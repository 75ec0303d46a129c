import type { ImageName } from '../domain/ami.ts';
import { requireAccounts } from '../commands/require-account.ts';
import { requireRegion } from '../commands/require-region.ts';
import type { AppDeps } from './deps.ts';

/**
 * Reads which image an /amis route is about, in the service's own account by default. An account or region that is not configured is
 * refused.
 * @throws {AmiferryError} `unknown-region`, `unknown-account`; what the call of STS met
 */
export async function imageNamed(
  deps: AppDeps,
  { params, query }: { params: { imageId: string }; query: { account?: string; region?: string } },
): Promise<ImageName> {
  const region = query.region ?? deps.defaultRegion;
  requireRegion(deps, region, '/region');
  const account = query.account ?? (await deps.ownAccount.get());
  await requireAccounts(deps, [{ account, region, pointers: { account: '/account', region: '/region' } }]);
  return { imageId: params.imageId, account, region };
}
