import type { Scope } from '../domain/ami.ts';
import type { PermissionState } from '../domain/permissions.ts';
import { againstSharing, sharingOf } from '../domain/policy.ts';
import { minus } from '../domain/permissions.ts';
import type { Reason } from '../domain/sharing-rules.ts';
import { refusals } from '../domain/sharing-rules.ts';
import { Ec2Error } from '../ec2/classify.ts';
import { collectRequestIds } from '../ec2/request-ids.ts';
import { converge } from '../permissions/converge.ts';
import { sharingFacts } from '../permissions/facts.ts';
import { grantKeys, keyPolicyNeeded, revokeKeys, withdrawnAccounts } from '../permissions/key-access.ts';
import { auditBrokenShare, auditPutBack, auditShare } from './audit-share.ts';
import type { WorkerDeps } from './deps.ts';
import type { ShareOutcome, ShareRequest } from './share-request.ts';

/**
 * Gives an image the permissions that it should have, keys included, and tells the audit. The policy and EC2's rules are
 * checked once more right before: an hour may have passed since the request was accepted.
 */
export async function share(deps: WorkerDeps, scope: Scope, request: ShareRequest): Promise<ShareOutcome> {
  const awsRequestIds: string[] = [];
  try {
    const result = await collectRequestIds(awsRequestIds, () => apply(deps, scope, request));
    await auditShare(deps, request, awsRequestIds, result);
    return result;
  } catch (error) {
    await auditBrokenShare(deps, request, awsRequestIds, error);
    throw error;
  }
}

async function apply(deps: WorkerDeps, scope: Scope, request: ShareRequest): Promise<ShareOutcome> {
  const { image, before, target, grantKeyAccess } = request;
  const withdrawn = againstPolicy(deps, request);
  if (withdrawn.length > 0) {
    // An earlier run may have got half way, under the policy of then.
    if ((await putBack(deps, scope, request)) === null) throw notPutBack(scope);
    return { outcome: 'refused', reasons: withdrawn };
  }
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

/** Why the policy, as it is now, doesn't allow it (any more). */
function againstPolicy(
  { policy }: WorkerDeps,
  { job, before, target, grantKeyAccess }: ShareRequest,
): Reason[] {
  const sharing = sharingOf(before, target, grantKeyAccess);
  const against = againstSharing(policy.current(), job.requestedBy, sharing);
  return against.map((message) => ({ code: 'policy-withdrawn', message }));
}

function notPutBack({ region }: Scope): Ec2Error {
  const message = `the policy no longer allows to share the image in ${region}, and it could not be made sure that it is not`;
  return new Ec2Error('transient', message, 'NotPutBack', null, undefined);
}

/** Puts an image back to how it was, grants included, after a change that EC2 broke off in the middle. */
export async function putBack(
  deps: WorkerDeps,
  scope: Scope,
  request: ShareRequest,
): Promise<PermissionState | null> {
  const { image, before, target } = request;
  const awsRequestIds: string[] = [];
  try {
    const { after } = await collectRequestIds(awsRequestIds, async () => {
      const { keys } = await sharingFacts(deps, scope, image);
      await revokeKeys(deps, scope, image, keys, withdrawnAccounts(target, before));
      return converge(deps, scope, image, before);
    });
    await auditPutBack(deps, request, awsRequestIds, after);
    return after;
  } catch (error) {
    deps.logger.warn(
      { err: error, imageId: image.imageId, region: scope.region },
      'could not put permissions back',
    );
    await auditPutBack(deps, request, awsRequestIds, null);
    return null;
  }
}
