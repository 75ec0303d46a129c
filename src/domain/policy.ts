import { ANONYMOUS } from './access.ts';
import type { Given } from './given.ts';
import type { PermissionChange, PermissionRequest, PermissionState } from './permissions.ts';
import { NOBODY, targetOf, without } from './permissions.ts';

/**
 * What a principal may use its scopes with. A list holds exact values, or `*` for any. What is not listed is not allowed.
 * IAM can't restrict with whom an image is shared: only these rules do.
 */
export interface Rules {
  /** Regions of images that may be copied, and whose permissions may be changed. */
  sourceRegions: readonly string[];
  /** Regions to which copies may be made, and where permissions of the copies may be changed. */
  destinationRegions: readonly string[];
  /**
   * Accounts besides the service's own that images may be copied to and from, and whose images may be shared; `group:NAME` stands for the
   * accounts of a group.
   */
  destinationAccounts: readonly string[];
  accounts: readonly string[];
  /** Full ARNs. */
  organizations: readonly string[];
  /** Full ARNs. */
  organizationalUnits: readonly string[];
  /** KMS keys, as callers name them. */
  kmsKeys: readonly string[];
  /** Whether an image may be made public at all. The caller also needs the scope `amis:publish`. */
  allowPublic: boolean;
  /** Whether accounts may be given grants for the keys of an image. */
  allowKeyGrants: boolean;
}

export interface Policy {
  /** Digest of the file: names the policy that a decision was based on. */
  version: string;
  /** Rules by principal id; `*` stands for all principals without rules of their own. */
  principals: Readonly<Record<string, Rules>>;
}

/** Gives the current policy; `null` where the service runs without a policy, and `anonymous` may do everything. */
export interface PolicySource {
  current(): Policy | null;
}

export const NO_POLICY: PolicySource = { current: () => null };

/** The rules for a principal; `null` where there are none, and so nothing is allowed. */
export function rulesFor({ principals }: Policy, principal: string): Rules | null {
  const own = Object.hasOwn(principals, principal) ? principals[principal] : undefined;
  return own ?? (Object.hasOwn(principals, '*') ? (principals['*'] ?? null) : null);
}

/** What a change would newly give. Taking access away never violates the policy. */
export interface Sharing {
  public: boolean;
  accounts: readonly string[];
  organizations: readonly string[];
  organizationalUnits: readonly string[];
  keyGrants: boolean;
}

/** The permissions of a new copy: none. */
export const PRIVATE: PermissionState = { ...NOBODY, snapshotAccounts: [] };

/**
 * What the change from `before` to `target` gives to others: launching, copying, and keys. @param grantees accounts that get a
 * grant for the keys, including those that the image was already shared with
 */
export function sharingOf(
  before: PermissionState,
  target: PermissionState,
  grantees: readonly string[],
): Sharing {
  const launchers = without(target.accounts, before.accounts);
  const copiers = without(target.snapshotAccounts, before.snapshotAccounts);
  return {
    public: target.public && !before.public,
    accounts: [...new Set([...launchers, ...copiers, ...grantees])],
    organizations: without(target.organizations, before.organizations),
    organizationalUnits: without(target.organizationalUnits, before.organizationalUnits),
    keyGrants: grantees.length > 0,
  };
}

/** {@link sharingOf} a change, from the state before it. */
export function sharingOfChange(change: PermissionChange, before: PermissionState): Sharing {
  return sharingOf(before, targetOf(change, before), granteesOf(change));
}

/** The {@link Sharing} of what a job gives, or already gave. */
export function sharingOfGiven(given: Given): Sharing {
  return {
    public: given.public,
    accounts: [...new Set([...given.accounts, ...Object.values(given.snapshots).flat(), ...given.grants])],
    organizations: given.organizations,
    organizationalUnits: given.organizationalUnits,
    keyGrants: given.grants.length > 0,
  };
}

/** {@link sharingOf} the permissions of a new copy. */
export function sharingOfCopy(permissions: PermissionRequest): Sharing {
  return sharingOfChange({ mode: 'set', set: permissions }, PRIVATE);
}

/** The accounts for which a PUT or PATCH requests a grant: those that it names itself. */
export function granteesOf(change: PermissionChange): string[] {
  if (change.mode === 'set') return change.set.grantKeyAccess ? change.set.accounts : [];
  return change.add.grantKeyAccess ? without(change.add.accounts, change.remove.accounts) : [];
}

/** An account besides the service's own, with the groups that it is in now. */
export interface OtherAccount {
  account: string;
  groups: readonly string[];
}

/**
 * What the policy checks of a copy: its source region, its target regions, its keys (`null`: none named), and the accounts besides the
 * service's own that it comes from or goes to.
 */
export interface CopyPlan {
  sourceRegion: string;
  otherAccounts: readonly OtherAccount[];
  destinations: readonly { region: string; kmsKeyId: string | null }[];
}

/** Why the policy forbids these copies to a principal; empty when it allows all of them. */
export function againstCopying(policy: Policy | null, principal: string, plan: CopyPlan): string[] {
  return judge(policy, principal, (rules) => [
    ...outside('copy from', 'sourceRegions', rules.sourceRegions, [plan.sourceRegion]),
    ...outside(
      'copy to',
      'destinationRegions',
      rules.destinationRegions,
      plan.destinations.map(({ region }) => region),
    ),
    ...outsideAccounts('copy to or from account', rules, plan.otherAccounts),
    ...outside(
      'use the key',
      'kmsKeys',
      rules.kmsKeys,
      plan.destinations.flatMap(({ kmsKeyId }) => (kmsKeyId === null ? [] : [kmsKeyId])),
    ),
  ]);
}

/**
 * Why a principal may not change permissions in a region at all, not even withdraw them.
 * @param otherAccounts the image's account, unless it is the service's own
 */
export function againstChanging(
  policy: Policy | null,
  principal: string,
  region: string,
  otherAccounts: readonly OtherAccount[],
): string[] {
  return judge(policy, principal, (rules) => [
    ...outside(
      'change permissions in',
      'sourceRegions or destinationRegions',
      [rules.sourceRegions, rules.destinationRegions].find((list) => allows(list, region)) ?? [],
      [region],
    ),
    ...outsideAccounts('change permissions in account', rules, otherAccounts),
  ]);
}

function outsideAccounts(
  what: string,
  { destinationAccounts }: Rules,
  accounts: readonly OtherAccount[],
): string[] {
  const isInGroup = ({ groups }: OtherAccount) =>
    groups.some((group) => allows(destinationAccounts, `group:${group}`));
  const asked = accounts.filter((one) => !isInGroup(one)).map(({ account }) => account);
  return outside(what, 'destinationAccounts', destinationAccounts, asked);
}

/** Why the policy forbids this sharing to a principal; empty when it allows all of it. */
export function againstSharing(policy: Policy | null, principal: string, sharing: Sharing): string[] {
  return judge(policy, principal, (rules) => [
    ...(sharing.public && !rules.allowPublic ? ['make an image public ("allowPublic")'] : []),
    ...(sharing.keyGrants && !rules.allowKeyGrants ? ['give access to keys ("allowKeyGrants")'] : []),
    ...outside('share with account', 'accounts', rules.accounts, sharing.accounts),
    ...outside('share with organization', 'organizations', rules.organizations, sharing.organizations),
    ...outside(
      'share with organizational unit',
      'organizationalUnits',
      rules.organizationalUnits,
      sharing.organizationalUnits,
    ),
  ]);
}

function judge(policy: Policy | null, principal: string, against: (rules: Rules) => string[]): string[] {
  if (policy === null) return withoutPolicy(principal);
  const rules = rulesFor(policy, principal);
  if (rules === null) return [`the policy has no rules for ${principal}, and so allows it nothing`];
  return against(rules).map((what) => `the policy doesn't let ${principal} ${what}`);
}

/**
 * Without authentication there is no policy. An authenticated caller was admitted under a policy: a process without one (a
 * worker that was started without the file) must not treat that as "everything is allowed".
 */
function withoutPolicy(principal: string): string[] {
  if (principal === ANONYMOUS.id) return [];
  return [
    `there is no policy here, and so it allows ${principal} nothing: set POLICY_FILE for the API and the worker`,
  ];
}

/** How many values of one list are named. A request may have thousands of them, and each reason is longer than the value. */
const MOST_NAMED = 50;

function outside(what: string, list: string, allowed: readonly string[], asked: readonly string[]): string[] {
  const refused = [...new Set(asked)].filter((value) => !allows(allowed, value));
  const more = refused.length - MOST_NAMED;
  return refused.slice(0, MOST_NAMED).map((value, i) => {
    const others = more > 0 && i === MOST_NAMED - 1 ? ` and ${more} more` : '';
    return `${what} ${value}${others} ("${list}")`;
  });
}

/** Lists of a policy do not change and may have tens of thousands of entries. Each is converted to a set once. */
const sets = new WeakMap<readonly string[], ReadonlySet<string>>();

function allows(list: readonly string[], value: string): boolean {
  const set = sets.get(list) ?? new Set(list);
  sets.set(list, set);
  return set.has('*') || set.has(value);
}
