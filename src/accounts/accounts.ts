/** A role that this service assumes in an account: by its name there, or by its ARN. */
export type Role = ({ name: string } | { arn: string }) & {
  /** The file with the external id that the role's trust policy asks for; `null` where it asks for none. */
  externalIdFile: string | null;
};

/** An account besides the service's own that requests may name. */
export interface Account {
  /** 12 digits. */
  account: string;
  /** A name for people. */
  alias: string | null;
  /** The regions that requests may name in it; `null`: all regions of the service. */
  regions: readonly string[] | null;
  /** The key of copies that name none: a name of the key in that account. */
  kmsKeyId: string | null;
  groups: readonly string[];
  /** The role for copies and changes, which the worker assumes. */
  role: Role;
  /** The role with which the API reads. */
  readRole: Role;
}

/** The accounts by their ids. */
export type Accounts = ReadonlyMap<string, Account>;

/** A group whose accounts are those of an organizational unit. */
export interface UnitGroup {
  name: string;
  /** The id of the unit, such as `ou-abcd-11112222`. */
  organizationalUnit: string;
  regions: readonly string[] | null;
  kmsKeyId: string | null;
}

/** The accounts file. */
export interface AccountsConfig {
  /** The accounts that the file lists. */
  accounts: Accounts;
  units: readonly UnitGroup[];
  /** The roles of accounts that the file does not list. */
  role: Role;
  readRole: Role;
}

/** The accounts of one organizational unit, as AWS Organizations last listed them. */
export interface UnitAccounts {
  accounts: string[];
  /** When it listed them, epoch milliseconds. */
  at: number;
}

/** How old the list of a group is. */
export interface UnitState {
  group: string;
  organizationalUnit: string;
  /** When AWS Organizations last listed its accounts, epoch milliseconds; `null`: never. */
  listedAt: number | null;
  /** Why it could not be asked since then; `null` where the last try succeeded. */
  error: string | null;
}

/** Gives the current accounts. The file and the organization may change while the service runs. */
export interface AccountsSource {
  current(): Accounts;
  /** The groups that are organizational units. */
  units(): readonly UnitState[];
}

/** Some accounts with the groups that they are in. */
export function withGroups(
  source: Pick<AccountsSource, 'current'>,
  accounts: readonly string[],
): { account: string; groups: readonly string[] }[] {
  const configured = source.current();
  return accounts.map((account) => ({ account, groups: configured.get(account)?.groups ?? [] }));
}

export const NO_ACCOUNTS: AccountsSource = { current: () => new Map(), units: () => [] };
