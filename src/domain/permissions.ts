import { chunksOf } from './chunks.ts';

/** The principals that may launch an image: EC2's four kinds of launch permission. Lists are sorted and without duplicates. */
export interface PermissionSet {
  /** `Group=all`: every AWS account. */
  public: boolean;
  /** Account ids, 12 digits, as text, because a leading zero is significant. */
  accounts: string[];
  /** Full ARNs. */
  organizations: string[];
  /** Full ARNs. */
  organizationalUnits: string[];
}

/** A permission set as a caller requests it, with its options. */
export interface PermissionRequest extends PermissionSet {
  /** The accounts may also copy the image: createVolumePermission on its snapshots. */
  includeSnapshots: boolean;
  /** The accounts also get a grant for the customer key that the image is encrypted under. */
  grantKeyAccess: boolean;
}

/** An image's permissions as EC2 shows them. */
export interface PermissionState extends PermissionSet {
  /** Accounts that have createVolumePermission on every snapshot of the image, and so can copy the image. */
  snapshotAccounts: string[];
  /** Snapshots that every AWS account may copy; only in a state that was read from EC2. */
  publicSnapshots?: string[];
}

/** A requested change: PUT and DELETE give the complete set, PATCH what to add and what to remove. */
export type PermissionChange =
  | { mode: 'set'; set: PermissionRequest }
  | { mode: 'patch'; add: PermissionRequest; remove: PermissionRequest };

export const NOBODY: PermissionSet = {
  public: false,
  accounts: [],
  organizations: [],
  organizationalUnits: [],
};
export const NO_REQUEST: PermissionRequest = { ...NOBODY, includeSnapshots: false, grantKeyAccess: false };

const LISTS = ['accounts', 'organizations', 'organizationalUnits'] as const;

/** Sorted and without duplicates: equal sets always have the same form. */
export function normalise<T extends PermissionSet>(set: T): T {
  const lists = Object.fromEntries(LISTS.map((list) => [list, sortedSet(set[list])]));
  return { ...set, ...lists };
}

export function sortedSet(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}

export function without(values: readonly string[], others: readonly string[]): string[] {
  const leaveOut = new Set(others);
  return values.filter((value) => !leaveOut.has(value));
}

/** The elements of `a` that are not in `b`. */
export function minus(a: PermissionSet, b: PermissionSet): PermissionSet {
  return {
    public: a.public && !b.public,
    accounts: without(a.accounts, b.accounts),
    organizations: without(a.organizations, b.organizations),
    organizationalUnits: without(a.organizationalUnits, b.organizationalUnits),
  };
}

/** The intersection of `a` and `b`. Either may be the set of a snapshot, which has no organizations. */
export function both(a: PermissionSet, b: Partial<PermissionSet>): PermissionSet {
  const shared = (list: (typeof LISTS)[number]) => a[list].filter((value) => b[list]?.includes(value));
  return {
    public: a.public && b.public === true,
    accounts: shared('accounts'),
    organizations: shared('organizations'),
    organizationalUnits: shared('organizationalUnits'),
  };
}

/** The union of `a` and `b`. */
export function plus(a: PermissionSet, b: PermissionSet): PermissionSet {
  return normalise({
    public: a.public || b.public,
    accounts: [...a.accounts, ...b.accounts],
    organizations: [...a.organizations, ...b.organizations],
    organizationalUnits: [...a.organizationalUnits, ...b.organizationalUnits],
  });
}

/** The number of accounts, organizations and units, as EC2's quota counts them. */
export function shareeCount(set: PermissionSet): number {
  return LISTS.reduce((sum, list) => sum + set[list].length, 0);
}

export function isNobody(set: PermissionSet): boolean {
  return !set.public && shareeCount(set) === 0;
}

export type Visibility = 'private' | 'shared' | 'public';

export function visibility(set: PermissionSet): Visibility {
  if (set.public) return 'public';
  return shareeCount(set) === 0 ? 'private' : 'shared';
}

/**
 * The permissions that an image should have after a change. An account that loses its launch permission also loses its access
 * to the snapshots: otherwise it could still read the disk. Where both lists name the same entry, removing wins.
 */
export function targetOf(change: PermissionChange, current: PermissionState): PermissionState {
  if (change.mode === 'set') {
    const { public: everyone, accounts, organizations, organizationalUnits, includeSnapshots } = change.set;
    const set = normalise({ public: everyone, accounts, organizations, organizationalUnits });
    return { ...set, snapshotAccounts: includeSnapshots ? set.accounts : [] };
  }
  const set = minus(plus(current, change.add), change.remove);
  const added = change.add.includeSnapshots ? change.add.accounts : [];
  const snapshotAccounts = without([...current.snapshotAccounts, ...added], change.remove.accounts);
  return { ...set, snapshotAccounts: sortedSet(snapshotAccounts) };
}

/** A set without one account, and whether the account was in it. It is used for the image's owner, which has all access already. */
export function withoutOwner<T extends PermissionSet>(
  set: T,
  owner: string | null,
): { set: T; wasNamed: boolean } {
  if (owner === null || !set.accounts.includes(owner)) return { set, wasNamed: false };
  return { set: { ...set, accounts: without(set.accounts, [owner]) }, wasNamed: true };
}

/** A change that only takes access away: DELETE, or a PATCH that adds nothing. */
export function onlyWithdraws(change: PermissionChange): boolean {
  return isNobody(change.mode === 'set' ? change.set : change.add);
}

/** Whether a change gives something that a withdrawal takes. The change must then not be made after the withdrawal. */
export function isAgainst(withdrawal: PermissionChange, gives: PermissionSet): boolean {
  if (withdrawal.mode === 'set') return !isNobody(gives);
  return !isNobody(both(gives, withdrawal.remove));
}

/** One entry of a permission set. */
type Sharee = { list: (typeof LISTS)[number]; value: string } | { list: 'public' };

function shareesOf(set: PermissionSet): Sharee[] {
  const everyone: Sharee[] = set.public ? [{ list: 'public' }] : [];
  return [...everyone, ...LISTS.flatMap((list) => set[list].map((value) => ({ list, value })))];
}

function setOf(sharees: readonly Sharee[]): PermissionSet {
  const values = (name: string) =>
    sharees.flatMap((sharee) => (sharee.list === name && 'value' in sharee ? [sharee.value] : []));
  return {
    public: sharees.some(({ list }) => list === 'public'),
    accounts: values('accounts'),
    organizations: values('organizations'),
    organizationalUnits: values('organizationalUnits'),
  };
}

/** Splits a difference into parts of at most so many entries, removals first. Each part is one call of EC2. */
export function inBatches(
  add: PermissionSet,
  remove: PermissionSet,
  size: number,
): { add: PermissionSet; remove: PermissionSet }[] {
  const all = [
    ...shareesOf(remove).map((sharee) => ({ sharee, removing: true })),
    ...shareesOf(add).map((sharee) => ({ sharee, removing: false })),
  ];
  const part = (entries: typeof all, removing: boolean) =>
    setOf(entries.filter((entry) => entry.removing === removing).map(({ sharee }) => sharee));
  return chunksOf(all, size).map((entries) => ({ add: part(entries, false), remove: part(entries, true) }));
}
