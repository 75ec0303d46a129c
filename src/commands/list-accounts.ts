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
