import { AwsError } from '../errors.ts';
import type { Grantee, GranteeKind } from '../state/permissions.ts';
import type { Parameters } from '../wire/parameters.ts';

export interface PermissionChange {
  readonly add: readonly Grantee[];
  readonly remove: readonly Grantee[];
}

/** The parameter names of grantees, in the newer form and in the older one (`OperationType` with `UserId.1`, `UserGroup.1`, …). */
const memberNames: readonly (readonly [GranteeKind, string, string])[] = [
  ['userId', 'UserId', 'UserId'],
  ['group', 'Group', 'UserGroup'],
  ['organizationArn', 'OrganizationArn', 'OrganizationArn'],
  ['organizationalUnitArn', 'OrganizationalUnitArn', 'OrganizationalUnitArn'],
];

/**
 * Reads a change of permissions, in the newer form (`LaunchPermission.Add.1.UserId`) or the older one.
 * @throws AwsError InvalidParameterCombination for a member that names two grantees, or for both forms at once
 */
export function readPermissionChange(parameters: Parameters, permission: string): PermissionChange {
  const change = parameters.structure(permission);
  const add = change.structures('Add').map(readMember);
  const remove = change.structures('Remove').map(readMember);
  const operation = parameters.text('OperationType');
  if (operation === undefined) return { add, remove };
  if (add.length + remove.length > 0) {
    throw new AwsError('InvalidParameterCombination', `${permission} cannot be used with OperationType`);
  }
  const grantees = memberNames.flatMap(([kind, , list]) =>
    parameters.texts(list).map((value) => ({ kind, value })),
  );
  if (operation === 'add') return { add: grantees, remove: [] };
  if (operation === 'remove') return { add: [], remove: grantees };
  throw new AwsError('InvalidParameterValue', `Value (${operation}) for parameter OperationType is invalid`);
}

function readMember(member: Parameters): Grantee {
  const named = memberNames.flatMap(([kind, name]) => {
    const value = member.text(name);
    return value === undefined ? [] : [{ kind, value }];
  });
  const [grantee] = named;
  if (grantee === undefined || named.length > 1) {
    throw new AwsError('InvalidParameterCombination', 'A permission names exactly one grantee');
  }
  return grantee;
}
