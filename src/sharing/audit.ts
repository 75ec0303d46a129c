import type { AuditEntry } from '../domain/audit.ts';
import { auditEntry } from '../domain/audit.ts';
import type { PermissionState } from '../domain/permissions.ts';
import type { SharingDeps } from './deps.ts';
import type { ShareOutcome, ShareRequest } from './request.ts';

/** Records in the audit how a change ended, with AWS's request ids of its calls. */
export async function auditShare(
  deps: SharingDeps,
  request: ShareRequest,
  awsRequestIds: string[],
  result: ShareOutcome,
): Promise<void> {
  if (result.outcome === 'refused') {
    const reasons = result.reasons.map(({ message }) => message);
    return record(deps, request, { action: 'share-image', outcome: 'refused', reasons, awsRequestIds });
  }
  const { after } = result;
  if (result.outcome === 'shared')
    return record(deps, request, { action: 'share-image', outcome: 'done', after, awsRequestIds });
  // The step reads the permissions again until EC2 shows the change: only the try that made calls is recorded.
  if (awsRequestIds.length === 0) return undefined;
  const reasons = ['EC2 does not show all of it yet'];
  return record(deps, request, { action: 'share-image', outcome: 'done', after, reasons, awsRequestIds });
}

/** Records a change that an error ended, if it had made calls. The state after it is recorded by the next try, or when it is taken back. */
export async function auditBrokenShare(
  deps: SharingDeps,
  request: ShareRequest,
  awsRequestIds: string[],
  error: unknown,
): Promise<void> {
  if (awsRequestIds.length === 0) return;
  const reasons = [error instanceof Error ? error.message : String(error)];
  await record(deps, request, { action: 'share-image', outcome: 'failed', reasons, awsRequestIds });
}

/** Records what was taken back, if anything. `after` is `null` where that failed. */
export async function auditPutBack(
  deps: SharingDeps,
  request: ShareRequest,
  awsRequestIds: string[],
  after: PermissionState | null,
): Promise<void> {
  if (after !== null && awsRequestIds.length === 0) return;
  const outcome = after === null ? 'failed' : 'done';
  await record(deps, request, { action: 'put-permissions-back', outcome, after, awsRequestIds });
}

async function record(
  { audit, policy }: SharingDeps,
  { job, image, before, change, me }: ShareRequest,
  entry: Pick<AuditEntry, 'action' | 'outcome'> & Partial<AuditEntry>,
): Promise<void> {
  await audit.record(
    auditEntry({
      principal: job.requestedBy,
      policyVersion: policy.current()?.version ?? null,
      jobId: job.id,
      image: { imageId: image.imageId, account: image.account, region: image.region },
      // The entry of the request names with whom copies are shared. Each copy's own state is in its `after`.
      what: me.destination === null ? change : null,
      before,
      ...entry,
    }),
  );
}
