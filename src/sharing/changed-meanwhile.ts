import type { Given } from '../domain/given.ts';
import type { Warning } from '../domain/job.ts';
import type { PermissionSet, PermissionState } from '../domain/permissions.ts';
import { both, isNobody, minus } from '../domain/permissions.ts';
import type { ShareRequest } from './request.ts';

/**
 * The changes that others made in EC2 since a PUT began. The PUT sets its own permissions nevertheless, and reports these as
 * warnings.
 */
export function changedMeanwhile(
  { change, before, image }: ShareRequest,
  now: PermissionState,
  given: Given,
): Warning[] {
  if (change.mode !== 'set') return [];
  const added = minus(minus(now, before), given);
  const taken = minus(both(before, change.set), now);
  const parts = [
    ...(isNobody(added) ? [] : [`given to ${listed(added)}`]),
    ...(isNobody(taken) ? [] : [`taken from ${listed(taken)}`]),
  ];
  if (parts.length === 0) return [];
  const message = `while this change was made, another tool changed the image's launch permissions: ${parts.join(', ')}. What was asked for here counts; check whether it goes on`;
  return [{ code: 'changed-meanwhile', message, account: image.account, region: image.region }];
}

function listed(set: PermissionSet): string {
  const names = [...set.accounts, ...set.organizations, ...set.organizationalUnits];
  return [...(set.public ? ['everybody (public)'] : []), ...names].join(', ');
}
