import type { Given } from '../domain/given.ts';
import { NOTHING_GIVEN } from '../domain/given.ts';
import type { PermissionChange, PermissionSet } from '../domain/permissions.ts';
import { both, isNobody, minus, NOBODY, plus, without } from '../domain/permissions.ts';
import type { SnapshotPermissions } from '../aws/ec2/gateway.ts';
import type { Permissions, Touched } from './read.ts';

/** Permissions of an image and of its snapshots, by snapshot id. */
export interface Access {
  launch: PermissionSet;
  snapshots: Map<string, SnapshotPermissions>;
}

/** What a change takes from others, and what it gives to them. */
export interface Differences {
  take: Access;
  give: Access;
}

export const NOTHING: Access = { launch: NOBODY, snapshots: new Map() };

/** The differences that a change still has to make, given the current permissions. A PATCH does not touch what it does not name. */
export function differences(change: PermissionChange, now: Permissions): Differences {
  if (change.mode === 'set') {
    const { set } = change;
    const wanted = set.includeSnapshots ? set.accounts : [];
    return {
      take: {
        launch: minus(now.state, set),
        snapshots: perSnapshot(now, (has) => ({
          public: has.public,
          accounts: without(has.accounts, wanted),
        })),
      },
      give: { launch: minus(set, now.state), snapshots: perSnapshot(now, (has) => lacking(has, wanted)) },
    };
  }
  const { add, remove } = change;
  const added = minus(add, remove);
  return {
    take: { launch: both(now.state, remove), snapshots: perSnapshot(now, (has) => both(has, remove)) },
    give: {
      launch: minus(added, now.state),
      snapshots: perSnapshot(now, (has) => lacking(has, add.includeSnapshots ? added.accounts : [])),
    },
  };
}

/** The differences that take back what a job gave, as far as it still exists. */
export function withdrawal(given: Given, now: Permissions): Differences {
  const ours = (id: string) => ({ public: false, accounts: given.snapshots[id] ?? [] });
  return {
    take: {
      launch: both(now.state, given),
      snapshots: perSnapshot(now, (has, id) => both(has, ours(id))),
    },
    give: NOTHING,
  };
}

/** The parts of an image's permissions that the calls for some differences change. */
export function touchedBy({ take, give }: Differences): Touched {
  const ids = [take, give].flatMap(({ snapshots }) =>
    [...snapshots].flatMap(([id, one]) => (isNoSnapshot(one) ? [] : [id])),
  );
  return {
    launch: [take, give].some(({ launch }) => !isNobody(launch)),
    snapshotIds: [...new Set(ids)],
  };
}

export function isNothing({ launch, snapshots }: Access): boolean {
  return isNobody(launch) && [...snapshots.values()].every(isNoSnapshot);
}

/** What these differences give, in the form in which a job records it; grants are added to it. */
export function givenBy({ give: { launch, snapshots } }: Differences, grants: string[]): Given {
  const accounts = [...snapshots].map(([id, one]) => [id, one.accounts] as const);
  return {
    ...plus(NOTHING_GIVEN, launch),
    snapshots: Object.fromEntries(accounts.filter(([, some]) => some.length > 0)),
    grants,
  };
}

function perSnapshot(
  { snapshots }: Permissions,
  of: (has: PermissionSet, id: string) => SnapshotPermissions,
): Map<string, SnapshotPermissions> {
  return new Map(
    [...snapshots].map(([id, has]) => {
      const { public: everyone, accounts } = of({ ...NOBODY, ...has }, id);
      return [id, { public: everyone, accounts }];
    }),
  );
}

function lacking(has: SnapshotPermissions, wanted: string[]): SnapshotPermissions {
  return { public: false, accounts: without(wanted, has.accounts) };
}

function isNoSnapshot(one: SnapshotPermissions): boolean {
  return !one.public && one.accounts.length === 0;
}
