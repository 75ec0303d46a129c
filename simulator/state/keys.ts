import { uuidOf } from '../ids.ts';
import { partitionOf } from '../regions.ts';

/** A permission on a key for another account, made by CreateGrant. */
export interface Grant {
  readonly grantId: string;
  readonly name: string | undefined;
  readonly granteePrincipal: string;
  readonly operations: readonly string[];
  readonly createdAt: number;
  /** The parameters of CreateGrant, to distinguish a repetition from a new grant. */
  readonly fingerprint: string;
}

export interface Key {
  readonly keyId: string;
  readonly arn: string;
  readonly account: string;
  readonly region: string;
  readonly description: string;
  readonly manager: 'CUSTOMER' | 'AWS';
  readonly keySpec: 'SYMMETRIC_DEFAULT' | 'RSA_2048';
  readonly createdAt: number;
  enabled: boolean;
  /** Accounts to which the key policy gives all permissions. */
  readonly policyAccounts: Set<string>;
  readonly grants: Map<string, Grant>;
}

/** The keys and aliases of one account in one region. */
export interface Keyring {
  readonly keys: Map<string, Key>;
  /** `alias/…` → key id. */
  readonly aliases: Map<string, string>;
}

export interface NewKey {
  readonly account: string;
  readonly region: string;
  readonly alias?: string | undefined;
  readonly keyId?: string | undefined;
  readonly description?: string | undefined;
  readonly manager?: Key['manager'] | undefined;
  readonly keySpec?: Key['keySpec'] | undefined;
  readonly enabled?: boolean | undefined;
  readonly policyAccounts?: readonly string[] | undefined;
}

export const awsManagedAlias = 'alias/aws/ebs';

/** The id of the key that every account and region has from the start under an alias. */
export function seededKeyId(account: string, region: string, alias: string): string {
  return uuidOf(account, region, alias);
}

/** Adds a key, and its alias if it has one. */
export function addKey(ring: Keyring, spec: NewKey, now: number): Key {
  const { account, region, alias } = spec;
  const keyId = spec.keyId ?? seededKeyId(account, region, alias ?? `key ${ring.keys.size}`);
  const key: Key = {
    keyId,
    account,
    region,
    arn: `arn:${partitionOf(region)}:kms:${region}:${account}:key/${keyId}`,
    description: spec.description ?? '',
    manager: spec.manager ?? 'CUSTOMER',
    keySpec: spec.keySpec ?? 'SYMMETRIC_DEFAULT',
    enabled: spec.enabled ?? true,
    createdAt: now,
    policyAccounts: new Set(spec.policyAccounts),
    grants: new Map(),
  };
  ring.keys.set(keyId, key);
  if (alias !== undefined) ring.aliases.set(alias, keyId);
  return key;
}

/** The account of a grantee principal, an ARN or a bare account id. */
function accountOf(principal: string): string | undefined {
  return /^(?:arn:aws[a-z-]*:(?:iam|sts)::)?(\d{12})(?::|$)/.exec(principal)?.[1];
}

/** Whether an account may do all these operations: as owner, by key policy, or by grants. */
export function mayUse(key: Key, account: string, operations: readonly string[]): boolean {
  if (key.account === account || key.policyAccounts.has(account)) return true;
  const granted = new Set<string>();
  for (const grant of key.grants.values()) {
    if (accountOf(grant.granteePrincipal) === account)
      for (const operation of grant.operations) granted.add(operation);
  }
  return operations.every((operation) => granted.has(operation));
}
