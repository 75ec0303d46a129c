import type { Scope } from '../domain/ami.ts';
import { accountsBesides } from '../domain/ami.ts';
import type { FieldError } from '../errors.ts';
import { AmiferryError } from '../errors.ts';
import type { CommandDeps } from './deps.ts';

/** An account and region, and the JSON pointers to them in the request. */
export interface NamedScope extends Scope {
  pointers: { account: string; region: string };
}

type Deps = Pick<CommandDeps, 'accounts' | 'ownAccount'>;

/**
 * Refuses, in one error, all accounts that are not configured, and regions that the accounts file does not list for theirs.
 * @throws {AmiferryError} `unknown-account`; what the call of STS met
 */
export async function requireAccounts(deps: Deps, named: readonly NamedScope[]): Promise<void> {
  const others = await otherAccounts(deps, named);
  const configured = deps.accounts.current();
  const errors = named.flatMap(({ account, region, pointers }): FieldError[] => {
    if (!others.includes(account)) return [];
    const known = configured.get(account);
    if (known === undefined) {
      return [{ pointer: pointers.account, message: notConfigured(account) }];
    }
    if (known.regions === null || known.regions.includes(region)) return [];
    const message = `account ${account} is configured for ${known.regions.join(', ')}, and not for ${region} (ACCOUNTS_FILE)`;
    return [{ pointer: pointers.region, message }];
  });
  if (errors.length === 0) return;
  throw new AmiferryError('unknown-account', errors.map(({ message }) => message).join('; '), { errors });
}

export function notConfigured(account: string): string {
  return `account ${account} is not configured (ACCOUNTS_FILE): name one that GET /accounts lists, or have the operator add it`;
}

/** The accounts of some scopes that are not the service's own, each once. */
export async function otherAccounts(
  { ownAccount }: Pick<CommandDeps, 'ownAccount'>,
  scopes: readonly Pick<Scope, 'account'>[],
): Promise<string[]> {
  return accountsBesides(await ownAccount.get(), scopes);
}
