import type { PermissionSet } from './permissions.ts';
import { NOBODY, plus, sortedSet } from './permissions.ts';

/**
 * What one job gives others of an image. It is saved before the calls that give it. Only this is taken back when the job does
 * not succeed: permissions that existed before, and those that others give or revoke meanwhile, are not in it.
 */
export interface Given extends PermissionSet {
  /** Accounts that were given createVolumePermission, by snapshot id. */
  snapshots: Record<string, string[]>;
  /** Accounts that were given a grant for the image's keys. */
  grants: string[];
}

export const NOTHING_GIVEN: Given = { ...NOBODY, snapshots: {}, grants: [] };

/** The union of `a` and `b`. */
export function plusGiven(a: Given, b: Given): Given {
  const ids = [...new Set([...Object.keys(a.snapshots), ...Object.keys(b.snapshots)])];
  const both = (id: string) => sortedSet([...(a.snapshots[id] ?? []), ...(b.snapshots[id] ?? [])]);
  return {
    ...plus(a, b),
    snapshots: Object.fromEntries(ids.map((id) => [id, both(id)])),
    grants: sortedSet([...a.grants, ...b.grants]),
  };
}
