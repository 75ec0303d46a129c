import type { CommandDeps } from './deps.ts';

/** An account that requests may name. */
export interface ListedAccount {
  account: string;
  /** Whether it is the account of the service's own credentials. */
  own: boolean;
  alias: string | null;
  regions: string[];
  kmsKeyId: string | null;
  groups: string[];
}

/** A group whose accounts are those of an organizational unit. */
export interface ListedGroup {
  name: string;
  organizationalUnit: string;
  /** When AWS Organizations last listed its accounts, epoch milliseconds; `null`: never. */
  listedAt: number | null;
  ageSeconds: number | null;
  /** Why it could not list them since then. */
  error: string | null;
}

/** The groups that are organizational units, with the age of what is known of them. */
export function listUnits({ accounts, store }: Pick<CommandDeps, 'accounts' | 'store'>): ListedGroup[] {
  return accounts.units().map(({ group, organizationalUnit, listedAt, error }) => ({
    name: group,
    organizationalUnit,
    listedAt,
    ageSeconds: listedAt === null ? null : Math.max(0, Math.round((store.now() - listedAt) / 1000)),
    error,
  }));
}

/** The service's own account, then the configured ones. @throws what the call of STS met */
export async function listAccounts(
  deps: Pick<CommandDeps, 'accounts' | 'ownAccount' | 'regions'>,
): Promise<ListedAccount[]> {
  const own = await deps.ownAccount.get();
  const configured = deps.accounts.current();
  const ids = [own, ...[...configured.keys()].filter((account) => account !== own)];
  return ids.map((account) => {
    const { alias = null, regions = null, kmsKeyId = null, groups = [] } = configured.get(account) ?? {};
    return {
      account,
      own: account === own,
      alias,
      regions: [...(regions ?? deps.regions)],
      kmsKeyId,
      groups: [...groups],
    };
  });
}
