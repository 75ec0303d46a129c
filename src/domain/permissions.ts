import { chunksOf } from './chunks.ts';

/** Who may launch an image: EC2's four kinds of launch permission. Lists are sorted and without repeats. */
export interface PermissionSet {
  /** `Group=all`: every AWS account. */
  public: boolean;
  /** Account ids, 12 digits, as text: a leading zero counts. */
  accounts: string[];
  /** Full ARNs. */
  organizations: string[];
  /** Full ARNs. */
  organizationalUnits: string[];
}

/** What a caller asks for: a set, and how far it goes. */
export interface PermissionRequest extends PermissionSet {
  /** The accounts may also copy the image: createVolumePermission on its snapshots. */
  includeSnapshots: boolean;
  /** The accounts also get a grant for the customer key that the image is encrypted under. */
  grantKeyAccess: boolean;
}

/** An image's permissions as EC2 has them. */
export interface PermissionState extends PermissionSet {
  /** Accounts that have createVolumePermission on every snapshot of the image, and so can copy it. */
  snapshotAccounts: string[];
  /** Snapshots that every AWS account may copy; only in a state that was read from EC2. */
  publicSnapshots?: string[];
}

/** A wanted end: PUT and DELETE say it whole, PATCH says what to add and to remove. */
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

/** Sorted, each once: the same set always has the same form. */
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

/** What is in `a` and not in `b`. */
export function minus(a: PermissionSet, b: PermissionSet): PermissionSet {
  return {
    public: a.public && !b.public,
    accounts: without(a.accounts, b.accounts),
    organizations: without(a.organizations, b.organizations),
    organizationalUnits: without(a.organizationalUnits, b.organizationalUnits),
  };
}

/** What is in `a` and in `b`. Either may be of a snapshot, which knows no organizations. */
export function both(a: PermissionSet, b: Partial<PermissionSet>): PermissionSet {
  const shared = (list: (typeof LISTS)[number]) => a[list].filter((value) => b[list]?.includes(value));
  return {
    public: a.public && b.public === true,
    accounts: shared('accounts'),
    organizations: shared('organizations'),
    organizationalUnits: shared('organizationalUnits'),
  };
}

/** What is in `a` or in `b`. */
export function plus(a: PermissionSet, b: PermissionSet): PermissionSet {
  return normalise({
    public: a.public || b.public,
    accounts: [...a.accounts, ...b.accounts],
    organizations: [...a.organizations, ...b.organizations],
    organizationalUnits: [...a.organizationalUnits, ...b.organizationalUnits],
  });
}

/** Accounts, organizations and units: what counts towards EC2's quota of sharees. */
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
 * What an image's permissions are to become. What is taken away from an account takes its access to the snapshots
 * along: otherwise it could still read the disk. Removing goes before adding where both name the same.
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

/** A set without an account, and whether that was in it: the image's owner has all that could be given to it. */
export function withoutOwner<T extends PermissionSet>(
  set: T,
  owner: string | null,
): { set: T; wasNamed: boolean } {
  if (owner === null || !set.accounts.includes(owner)) return { set, wasNamed: false };
  return { set: { ...set, accounts: without(set.accounts, [owner]) }, wasNamed: true };
}

/** A change that can only take away: DELETE, or a PATCH that adds nobody. */
export function onlyWithdraws(change: PermissionChange): boolean {
  return isNobody(change.mode === 'set' ? change.set : change.add);
}

/** Whether what a change gives is in part what a withdrawal takes: then the earlier of the two must not come last. */
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

/** A difference in parts of at most so many entries, removals first: each part is one call to EC2. */
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
