import type { Scope } from '../domain/ami.ts';
import type { PermissionState } from '../domain/permissions.ts';
import { againstSharing, sharingOf } from '../domain/policy.ts';
import { nextStep } from '../domain/next-step.ts';
import { isNobody, minus, without } from '../domain/permissions.ts';
import type { KeyFacts, Reason } from '../domain/sharing-rules.ts';
import { refusals } from '../domain/sharing-rules.ts';
import { Ec2Error } from '../ec2/classify.ts';
import { collectRequestIds } from '../ec2/request-ids.ts';
import { converge } from '../permissions/converge.ts';
import { sharingFacts } from '../permissions/facts.ts';
import { grantKeys, keyPolicyNeeded, revokeKeys } from '../permissions/key-access.ts';
import { readPermissions } from '../permissions/read.ts';
import { auditBrokenShare, auditPutBack, auditShare } from './audit-share.ts';
import type { WorkerDeps } from './deps.ts';
import { StepOvertaken } from './step-overtaken.ts';
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
  try {
    requirePolicy(deps, request);
    const facts = await sharingFacts(deps, scope, request.image, gives(request));
    const reasons = refusals(facts, minus(request.target, request.before), request.target);
    if (reasons.length > 0) return await refused(deps, scope, request, reasons);
    return await change(deps, scope, request, facts.keys);
  } catch (error) {
    if (error instanceof PolicyWithdrawn) return refused(deps, scope, request, error.reasons);
    throw error;
  }
}

/** Before each call it is asked whether it may still be made: between two of them EC2 may take seconds. */
async function change(
  deps: WorkerDeps,
  scope: Scope,
  request: ShareRequest,
  keys: readonly KeyFacts[],
): Promise<ShareOutcome> {
  const { image, target, grantKeyAccess } = request;
  const stillMay = async () => {
    await requireStillMine(deps, request);
    requirePolicy(deps, request);
  };
  const { after, reached } = await converge(deps, scope, image, target, stillMay);
  if (grantKeyAccess) await grantKeys(deps, scope, image, keys, target.accounts, stillMay);
  const { warnings, granted } = await revokeKeys(deps, scope, image.imageId, keys, target.accounts);
  if (!reached) return { outcome: 'unsettled', after };
  const lacking = { ...target, accounts: without(target.accounts, granted) };
  const needed = grantKeyAccess ? [] : keyPolicyNeeded(scope.region, keys, lacking);
  return { outcome: 'shared', after, warnings: [...warnings, ...needed] };
}

/** An earlier run, or this one, may have got half way, under the rules of then: that is put back. */
async function refused(
  deps: WorkerDeps,
  scope: Scope,
  request: ShareRequest,
  reasons: Reason[],
): Promise<ShareOutcome> {
  const after = await putBack(deps, scope, request);
  if (after === null) throw notPutBack(scope);
  return { outcome: 'refused', reasons, after };
}

/** Whether anybody is given anything, a grant on a key included. */
function gives({ before, target, grantKeyAccess }: ShareRequest): boolean {
  return (
    grantKeyAccess ||
    !isNobody(minus(target, before)) ||
    without(target.snapshotAccounts, before.snapshotAccounts).length > 0
  );
}

/**
 * A worker that was paused goes on in the middle of what another has taken over and ended; the version check keeps it
 * from the record, and this from EC2. @throws {StepOvertaken}
 */
async function requireStillMine({ store }: WorkerDeps, { job, image }: ShareRequest): Promise<void> {
  const now = await store.get(job.id);
  const copies = now?.kind === 'copy' ? now.destinations : [];
  const sharing = copies.some((one) => one.imageId === image.imageId && nextStep(one) === 'finish-copy');
  if (sharing || (now?.kind === 'permissions' && now.state === 'running')) return;
  throw new StepOvertaken(`job ${job.id} was ended by another worker`);
}

/** What the policy, as it is now, doesn't allow (any more). */
class PolicyWithdrawn extends Error {
  readonly reasons: Reason[];

  constructor(reasons: Reason[]) {
    super('the policy no longer allows it');
    this.reasons = reasons;
  }
}

/** @throws {PolicyWithdrawn} */
function requirePolicy({ policy }: WorkerDeps, { job, before, target, grantKeyAccess }: ShareRequest): void {
  const sharing = sharingOf(before, target, grantKeyAccess);
  const against = againstSharing(policy.current(), job.requestedBy, sharing);
  const reasons = against.map((message) => ({ code: 'policy-withdrawn' as const, message }));
  if (reasons.length > 0) throw new PolicyWithdrawn(reasons);
}

function notPutBack({ region }: Scope): Ec2Error {
  const message = `the policy no longer allows to share the image in ${region}, and it could not be made sure that it is not`;
  return new Ec2Error('transient', message, 'NotPutBack', null, undefined);
}

/**
 * Puts an image back to how it was, grants included, after a change that was broken off in the middle. What only takes
 * away is never given back.
 * @returns the permissions as they are then; `null` where they could not be put back, or read
 * @throws what may pass: throttling, and a step that another worker has taken over
 */
export async function putBack(
  deps: WorkerDeps,
  scope: Scope,
  request: ShareRequest,
): Promise<PermissionState | null> {
  const { image, before } = request;
  const awsRequestIds: string[] = [];
  try {
    if (!gives(request)) return (await readPermissions(deps, scope, image)).state;
    const { after } = await collectRequestIds(awsRequestIds, async () => {
      const { keys } = await sharingFacts(deps, scope, image, false);
      const result = await converge(deps, scope, image, before, () => requireStillMine(deps, request));
      await revokeKeys(deps, scope, image.imageId, keys, before.accounts);
      return result;
    });
    await auditPutBack(deps, request, awsRequestIds, after);
    return after;
  } catch (error) {
    if (error instanceof StepOvertaken || (error instanceof Ec2Error && error.kind === 'throttled'))
      throw error;
    deps.logger.error(
      { err: error, imageId: image.imageId, region: scope.region },
      'could not put permissions back',
    );
    await auditPutBack(deps, request, awsRequestIds, null);
    return null;
  }
}
