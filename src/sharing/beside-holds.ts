import type { Scope } from '../domain/ami.ts';
import type { HoldGiven } from '../domain/holds.ts';
import { isNothingHeld, NOTHING_HELD } from '../domain/holds.ts';
import type { Warning } from '../domain/job.ts';
import type { PermissionChange } from '../domain/permissions.ts';
import { sortedSet, without } from '../domain/permissions.ts';
import type { ImageHolds } from '../store/holds.ts';
import type { Access, Differences } from './differences.ts';

/** What a change of permissions may do now, given the holds of the image. */
export interface BesideHolds {
  todo: Differences;
  /** What is to be taken back with the hold of each account, where the change alters that. */
  changes: Map<string, HoldGiven | null>;
  /** The accounts that keep access for now, with the jobs that need it. */
  kept: Map<string, readonly string[]>;
  /** What holds gave that no copy needs any more and that could not be taken back. The change takes it back, grants included. */
  leftBehind: Map<string, HoldGiven>;
}

/**
 * A change of permissions takes nothing from an account into which the image is being copied: the copy would fail. What it would take
 * becomes a part of the account's hold, which the end of the last copy takes back. What it gives to an account is no longer
 * taken back then.
 */
export function besideHolds(asked: PermissionChange, all: Differences, holds: ImageHolds): BesideHolds {
  const { given, users } = holds;
  const losing = accountsIn(all.take);
  const kept = new Map(
    losing.flatMap((account) => {
      const jobs = users.get(account);
      return jobs === undefined ? [] : [[account, jobs] as const];
    }),
  );
  const todo = { ...all, take: leaving(all.take, [...kept.keys()]) };
  const changes = new Map<string, HoldGiven | null>();
  const leftBehind = new Map<string, HoldGiven>();
  for (const account of new Set([...losing, ...given.keys()])) {
    const before = given.get(account) ?? NOTHING_HELD;
    const isLeftBehind = given.has(account) && !users.has(account) && loses(asked, account);
    if (isLeftBehind) leftBehind.set(account, before);
    const handed = isLeftBehind ? NOTHING_HELD : withoutNamed(asked, account, before);
    const after = kept.has(account) ? plusTaken(handed, account, all.take) : handed;
    if (JSON.stringify(after) !== JSON.stringify(before))
      changes.set(account, isNothingHeld(after) ? null : after);
  }
  return { todo, changes, kept, leftBehind };
}

/** Whether an account has no access after a change that leaves holds alone. */
function loses(asked: PermissionChange, account: string): boolean {
  if (asked.mode === 'set') return !asked.set.accounts.includes(account);
  return asked.remove.accounts.includes(account);
}

function accountsIn({ launch, snapshots }: Access): string[] {
  return sortedSet([...launch.accounts, ...[...snapshots.values()].flatMap(({ accounts }) => accounts)]);
}

function leaving({ launch, snapshots }: Access, accounts: readonly string[]): Access {
  return {
    launch: { ...launch, accounts: without(launch.accounts, accounts) },
    snapshots: new Map(
      [...snapshots].map(([id, one]) => [id, { ...one, accounts: without(one.accounts, accounts) }]),
    ),
  };
}

/** What a request names is given by the request from now on. */
function withoutNamed(asked: PermissionChange, account: string, hold: HoldGiven): HoldGiven {
  const named = asked.mode === 'set' ? asked.set : asked.add;
  if (!named.accounts.includes(account)) return hold;
  return { ...hold, launch: false, snapshots: named.includeSnapshots ? [] : hold.snapshots };
}

function plusTaken(hold: HoldGiven, account: string, { launch, snapshots }: Access): HoldGiven {
  const taken = [...snapshots].flatMap(([id, { accounts }]) => (accounts.includes(account) ? [id] : []));
  return {
    ...hold,
    launch: hold.launch || launch.accounts.includes(account),
    snapshots: sortedSet([...hold.snapshots, ...taken]),
  };
}

/** Accounts that keep access although a request does not give it to them. */
export function keptForCopies({ account, region }: Scope, kept: BesideHolds['kept']): Warning[] {
  if (kept.size === 0) return [];
  const jobs = sortedSet([...kept.values()].flat());
  const message = `these accounts keep access until the image has been copied into them (job ${jobs.join(', ')}): ${[...kept.keys()].join(', ')}. The access is taken back after that; to take it back now, cancel these copies`;
  return [{ code: 'held-for-copies', message, account, region }];
}
