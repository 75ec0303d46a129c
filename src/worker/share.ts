import type { Image, Scope } from '../domain/ami.ts';
import type { Warning } from '../domain/job.ts';
import type { PermissionState } from '../domain/permissions.ts';
import { minus } from '../domain/permissions.ts';
import type { Reason } from '../domain/sharing-rules.ts';
import { refusals } from '../domain/sharing-rules.ts';
import { converge } from '../permissions/converge.ts';
import { sharingFacts } from '../permissions/facts.ts';
import { grantKeys, keyPolicyNeeded, revokeKeys, withdrawnAccounts } from '../permissions/key-access.ts';
import type { WorkerDeps } from './deps.ts';

export interface ShareRequest {
  image: Image;
  before: PermissionState;
  target: PermissionState;
  /** Give the accounts a grant for the image's customer keys. */
  grantKeyAccess: boolean;
}

export type ShareOutcome =
  /** EC2's rules forbid it; nothing was changed. */
  | { outcome: 'refused'; reasons: Reason[] }
  /** EC2 took the changes and doesn't show all of them yet. */
  | { outcome: 'unsettled'; after: PermissionState }
  | { outcome: 'shared'; after: PermissionState; warnings: Warning[] };

/**
 * Gives an image the permissions that it should have, keys included. EC2's rules are checked once more right before:
 * an hour may have passed since the request was accepted.
 */
export async function share(deps: WorkerDeps, scope: Scope, request: ShareRequest): Promise<ShareOutcome> {
  const { image, before, target, grantKeyAccess } = request;
  const facts = await sharingFacts(deps, scope, image);
  const reasons = refusals(facts, minus(target, before), target);
  if (reasons.length > 0) return { outcome: 'refused', reasons };

  if (grantKeyAccess) await grantKeys(deps, scope, image, facts.keys, target.accounts);
  const { after, reached } = await converge(deps, scope, image, target);
  const left = await revokeKeys(deps, scope, image, facts.keys, withdrawnAccounts(before, target));
  if (!reached) return { outcome: 'unsettled', after };
  const needed = grantKeyAccess ? [] : keyPolicyNeeded(scope.region, facts.keys, target);
  return { outcome: 'shared', after, warnings: [...left, ...needed] };
}

/** Puts an image back to how it was, grants included, after a change that EC2 broke off in the middle. */
export async function putBack(
  deps: WorkerDeps,
  scope: Scope,
  { image, before, target }: ShareRequest,
): Promise<PermissionState | null> {
  try {
    const { keys } = await sharingFacts(deps, scope, image);
    await revokeKeys(deps, scope, image, keys, withdrawnAccounts(target, before));
    return (await converge(deps, scope, image, before)).after;
  } catch (error) {
    deps.logger.warn(
      { err: error, imageId: image.imageId, region: scope.region },
      'could not put permissions back',
    );
    return null;
  }
}
