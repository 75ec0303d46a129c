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

/** The configured accounts by their ids. */
export type Accounts = ReadonlyMap<string, Account>;

/** Gives the current accounts. The file may change while the service runs. */
export interface AccountsSource {
  current(): Accounts;
}

export const NO_ACCOUNTS: AccountsSource = { current: () => new Map() };
