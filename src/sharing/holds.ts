import type { ImageName, Scope } from '../domain/ami.ts';
import type { AuditAction } from '../domain/audit.ts';
import { auditEntry } from '../domain/audit.ts';
import type { HoldGiven } from '../domain/holds.ts';
import { dueHoldsOf } from '../domain/holds.ts';
import type { CopyJob, Warning } from '../domain/job.ts';
import { holdGrantName } from '../domain/key-policy.ts';
import type { PermissionState } from '../domain/permissions.ts';
import { AwsError } from '../aws/aws-error.ts';
import { collectRequestIds } from '../aws/request-ids.ts';
import type { HoldChanges } from '../store/holds.ts';
import type { Change } from '../store/store.ts';
import type { AccessCall } from './converge.ts';
import type { SharingDeps } from './deps.ts';
import { isFirstInQueue, StepOvertaken } from './fence.ts';
import { grantsLeft } from './key-grants.ts';

/** What giving the access that copies need (give-holds.ts) and taking it back (release-holds.ts) have in common. */

/** One try to give accounts access to an image that a job copies, or to take it back. */
export interface HoldTry {
  job: CopyJob;
  /** The source of the job, or a hub. */
  image: ImageName;
  accounts: readonly string[];
}

/**
 * The calls that revoke what the hold of an account granted.
 * @param left what is told where KMS refuses to: the grant may be left, and nothing else fails for it
 */
export function revokeCalls(
  { kms }: Pick<SharingDeps, 'kms'>,
  scope: Scope,
  imageId: string,
  account: string,
  { keys }: HoldGiven,
  left: (keyId: string, warning: Warning) => void,
): AccessCall[] {
  return keys.map((keyId) => ({
    run: async (fence) => {
      await fence();
      const name = holdGrantName(imageId, account);
      await revokeNamed({ kms }, scope, keyId, name).catch((error: unknown) =>
        left(keyId, grantsLeft(scope, imageId, error, name)),
      );
    },
  }));
}

export async function revokeNamed(
  { kms }: Pick<SharingDeps, 'kms'>,
  scope: Scope,
  keyId: string,
  name: string,
): Promise<void> {
  for (const { grantId, name: found } of await kms.findGrants(scope, keyId, name))
    if (found === name) await kms.revokeGrant(scope, keyId, grantId);
}

/** The fence: the job is the first in the wait queue of the image, and still has to do this for all of the accounts. */
export async function requireDue(
  deps: SharingDeps,
  job: CopyJob,
  source: ImageName,
  accounts: readonly string[],
  what: 'give' | 'release',
): Promise<void> {
  const me = { jobId: job.id, destination: null };
  const isFirst = await isFirstInQueue(deps, source, source.imageId, me);
  const now = isFirst ? await deps.store.get(job.id) : null;
  const due = now === null ? [] : dueHoldsOf(now, source)[what];
  if (accounts.every((account) => due.includes(account))) return;
  throw new StepOvertaken(`job ${job.id} no longer has to ${what} the access to ${source.imageId}`);
}

/** Writes the job if it is the first in the wait queue of the image. @throws {StepOvertaken} */
export async function saveHold(
  { store }: SharingDeps,
  job: CopyJob,
  source: ImageName,
  change: Change,
  holds?: HoldChanges,
): Promise<void> {
  const me = { jobId: job.id, destination: null };
  const { outcome } = await store.updateIfFirst(me, source, source.imageId, change, holds);
  if (outcome !== 'changed')
    throw new StepOvertaken(`job ${job.id} has changed, or another change of ${source.imageId} comes first`);
}

/** Runs some calls, and records them in the audit: also those of a try that failed. */
export async function auditedHold(
  { audit, policy }: SharingDeps,
  action: AuditAction,
  { job, image, accounts }: HoldTry,
  run: () => Promise<{ before: PermissionState; after: PermissionState } | null>,
): Promise<void> {
  const awsRequestIds: string[] = [];
  const { imageId, account, region } = image;
  const common = {
    action,
    principal: job.requestedBy,
    policyVersion: policy.current()?.version ?? null,
    jobId: job.id,
    image: { imageId, account, region },
    what: { accounts },
  };
  try {
    const states = await collectRequestIds(awsRequestIds, run);
    if (awsRequestIds.length > 0)
      await audit.record(auditEntry({ ...common, outcome: 'done', ...states, awsRequestIds }));
  } catch (error) {
    const reasons = [error instanceof Error ? error.message : String(error)];
    if (awsRequestIds.length > 0)
      await audit.record(auditEntry({ ...common, outcome: 'failed', reasons, awsRequestIds }));
    throw error;
  }
}

export function sourceUnsettled({ region }: Scope): AwsError {
  const message = `EC2 does not show the changed permissions of the source in ${region} yet`;
  return new AwsError('transient', message, 'NotSettled', null, undefined);
}
