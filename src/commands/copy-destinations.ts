import type { Account, UnitState } from '../accounts/accounts.ts';
import type { Scope } from '../domain/ami.ts';
import type { Warning } from '../domain/job.ts';
import type { FieldError } from '../errors.ts';
import { AmiferryError } from '../errors.ts';
import type { AskedDestination, CopyOptions, CopyRequest } from './copy-spec.ts';
import type { CommandDeps } from './deps.ts';
import type { NamedScope } from './require-account.ts';

/** The most destinations of a job: one record has them all, and is written at each step of each of them. */
const MOST = 100;

/**
 * The destinations of a request. A group stands for its accounts as they are configured now, each in its regions. A destination
 * that names no key, and is not to be unencrypted, has the key that the accounts file gives its account.
 * @throws {AmiferryError} `unknown-account` for a group without accounts; `validation-failed` for a destination that names neither a
 *   region nor a group, or both, for a group in accounts without regions, and for more than 100 destinations
 */
export async function destinationsOf(
  deps: CommandDeps,
  request: CopyRequest,
): Promise<(AskedDestination & NamedScope)[]> {
  const own = await deps.ownAccount.get();
  const accounts = deps.accounts.current();
  const all = request.destinations.flatMap(({ account = own, region, group, regions, ...options }, i) => {
    const at = `/destinations/${i}`;
    const scopes =
      group === undefined
        ? [
            {
              account,
              region: regionOf(region, at),
              pointers: { account: `${at}/account`, region: `${at}/region` },
            },
          ]
        : expand(
            group,
            [...accounts.values()],
            deps.accounts.units(),
            { account: request.destinations[i]?.account, region, regions },
            at,
          );
    return scopes.map((scope) => ({ ...keyed(options, accounts.get(scope.account), request), ...scope, at }));
  });
  if (all.length > MOST) {
    const message = `the request has ${all.length} destinations, and a job has at most ${MOST}: send several requests`;
    throw invalid(`/destinations`, message);
  }
  return all;
}

/** How old the list of a unit's accounts may be without a warning, milliseconds: it is made every 5 minutes. */
const FRESH_MS = 900_000;

/** The groups of a request whose accounts AWS Organizations could not list for a while: the last list applies. */
export function oldGroups(
  { accounts, store }: Pick<CommandDeps, 'accounts' | 'store'>,
  { destinations }: CopyRequest,
  { account, region }: Scope,
): Warning[] {
  const named = new Set(destinations.map(({ group }) => group));
  return accounts.units().flatMap(({ group, organizationalUnit, listedAt, error }): Warning[] => {
    if (!named.has(group) || listedAt === null || store.now() - listedAt < FRESH_MS) return [];
    const minutes = Math.round((store.now() - listedAt) / 60_000);
    const message = `AWS Organizations could not list the accounts of ${organizationalUnit} for ${minutes} minutes: ${error ?? 'no error is known'}. The group "${group}" was expanded from the last list: check that the destinations are complete`;
    return [{ code: 'group-list-old', message, account, region }];
  });
}

function regionOf(region: string | undefined, at: string): string {
  if (region === undefined) throw invalid(`${at}/region`, '"region" is required, or "group"');
  return region;
}

/** The accounts of a group, each in the regions that the request names, or in its own. */
function expand(
  group: string,
  accounts: readonly Account[],
  units: readonly UnitState[],
  named: { account: string | undefined; region: string | undefined; regions: readonly string[] | undefined },
  at: string,
): NamedScope[] {
  if (named.account !== undefined || named.region !== undefined)
    throw invalid(
      at,
      '"group" stands for accounts and regions: leave "account" and "region" out, or name "regions"',
    );
  const members = accounts.filter(({ groups }) => groups.includes(group));
  if (members.length === 0) {
    const never = units.find((one) => one.group === group && one.listedAt === null);
    const message =
      never === undefined
        ? `no account is in the group "${group}": GET /accounts lists the groups of each account`
        : `the accounts of the group "${group}" are not known yet. AWS Organizations has not listed those of ${never.organizationalUnit}: ${never.error ?? 'repeat the request in a minute'}`;
    throw new AmiferryError('unknown-account', message, { errors: [{ pointer: `${at}/group`, message }] });
  }
  const pointers = {
    account: `${at}/group`,
    region: named.regions === undefined ? `${at}/group` : `${at}/regions`,
  };
  return members.flatMap(({ account, regions }) => {
    const wanted = named.regions ?? regions;
    if (wanted === null) {
      const message = `account ${account} of the group "${group}" has no regions in ACCOUNTS_FILE: name "regions"`;
      throw invalid(at, message);
    }
    return wanted.map((region) => ({ account, region, pointers }));
  });
}

function keyed(options: CopyOptions, account: Account | undefined, request: CopyRequest): CopyOptions {
  const unencrypted = (options.encrypted ?? request.encrypted) === false;
  const byDefault = unencrypted ? undefined : (account?.kmsKeyId ?? undefined);
  const kmsKeyId = options.kmsKeyId ?? request.kmsKeyId ?? byDefault;
  return kmsKeyId === undefined ? options : { ...options, kmsKeyId };
}

function invalid(pointer: string, message: string): AmiferryError {
  const errors: FieldError[] = [{ pointer, message }];
  return new AmiferryError('validation-failed', message, { errors });
}
