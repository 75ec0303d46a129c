import type { Image, Scope } from '../domain/ami.ts';
import { AwsError } from '../aws/aws-error.ts';
import { AmiferryError } from '../errors.ts';
import { ifKnown } from '../sharing/facts.ts';
import type { CommandDeps } from './deps.ts';
import type { NamedRegion } from './require-region.ts';

type Deps = Pick<CommandDeps, 'disabledRegions'>;

/** A region of an account, and the JSON pointer to it in the request. */
export interface NamedRegionOf extends NamedRegion {
  account: string;
}

/**
 * Refuses, in one error, all regions that their accounts have not enabled. If the service may not read which are enabled, EC2
 * refuses the calls later. @throws {AmiferryError} `region-not-enabled`
 */
export async function requireEnabled(
  { disabledRegions }: Deps,
  named: readonly NamedRegionOf[],
): Promise<void> {
  const accounts = [...new Set(named.map(({ account }) => account))];
  const read = accounts.map(async (one) => [one, await ifKnown(disabledRegions.read(one))] as const);
  const disabled = new Map(await Promise.all(read));
  refuse(named.filter(({ account, region }) => disabled.get(account)?.includes(region) === true));
}

/**
 * Looks up an image, and distinguishes a region that is not enabled from other refusals: there EC2 answers OptInRequired, or that
 * the credentials are unknown. @throws {AmiferryError} `region-not-enabled`, or the error of `look`
 */
export async function whereEnabled(
  deps: Deps,
  scope: Scope,
  look: () => Promise<Image | null>,
): Promise<Image | null> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof AwsError) || (error.kind !== 'denied' && error.kind !== 'credentials'))
      throw error;
    const named = [{ ...scope, pointer: '/region' }];
    if (error.awsCode === 'OptInRequired') refuse(named);
    await requireEnabled(deps, named);
    throw error;
  }
}

function refuse(named: readonly NamedRegionOf[]): void {
  if (named.length === 0) return;
  const errors = named.map(({ account, region, pointer }) => ({
    pointer,
    message: `${region} is not enabled in account ${account}: enable it (aws account enable-region --region-name ${region}), or leave it out`,
  }));
  const all = errors.map(({ message }) => message).join('; ');
  throw new AmiferryError('region-not-enabled', all, { errors });
}
