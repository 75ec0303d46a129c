import { AwsError } from '../errors.ts';
import { partitionOf } from '../regions.ts';

/** The kinds of grantees, by EC2's names. */
export type GranteeKind = 'userId' | 'group' | 'organizationArn' | 'organizationalUnitArn';

export interface Grantee {
  readonly kind: GranteeKind;
  readonly value: string;
}

/** Grantees by `kind value`: adding one twice has no effect, and the order is that of adding. */
export type PermissionSet = ReadonlyMap<string, Grantee>;

export const everyone: Grantee = { kind: 'group', value: 'all' };

const patterns: Readonly<Record<GranteeKind, RegExp>> = {
  userId: /^\d{12}$/,
  group: /^all$/,
  organizationArn: /^arn:aws[a-z-]*:organizations::\d{12}:organization\/o-[a-z0-9]{10,32}$/,
  organizationalUnitArn:
    /^arn:aws[a-z-]*:organizations::\d{12}:ou\/o-[a-z0-9]{10,32}\/ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}$/,
};

export function keyOf(grantee: Grantee): string {
  return `${grantee.kind} ${grantee.value}`;
}

/**
 * Refuses the whole list if a member is malformed or of another partition, before anything changes.
 * @throws AwsError with that code
 */
export function requireWellFormed(grantees: readonly Grantee[], code: string, region: string): void {
  for (const { kind, value } of grantees) {
    const elsewhere = value.startsWith('arn:') && !value.startsWith(`arn:${partitionOf(region)}:`);
    if (!patterns[kind].test(value) || elsewhere)
      throw new AwsError(code, `Invalid attribute item value "${value}" for ${kind} item type.`);
  }
}

/** Returns the set after a change. Adding an existing member, and removing a missing one, have no effect. */
export function changed(
  set: PermissionSet,
  add: readonly Grantee[],
  remove: readonly Grantee[],
): PermissionSet {
  const next = new Map(set);
  for (const grantee of add) next.set(keyOf(grantee), grantee);
  for (const grantee of remove) next.delete(keyOf(grantee));
  return next;
}

export function isPublic(set: PermissionSet): boolean {
  return set.has(keyOf(everyone));
}

export function admits(set: PermissionSet, account: string): boolean {
  return isPublic(set) || set.has(keyOf({ kind: 'userId', value: account }));
}
