import type { AuditEntry } from '../domain/audit.ts';
import { auditEntry } from '../domain/audit.ts';
import type { PermissionState } from '../domain/permissions.ts';
import type { WorkerDeps } from './deps.ts';
import type { ShareOutcome, ShareRequest } from './share-request.ts';

/** Tells how a share went, and by which calls. */
export async function auditShare(
  deps: WorkerDeps,
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
  // It is looked at again and again until EC2 shows it; what was called is reported once.
  if (awsRequestIds.length === 0) return undefined;
  const reasons = ['EC2 does not show all of it yet'];
  return record(deps, request, { action: 'share-image', outcome: 'done', after, reasons, awsRequestIds });
}

/** Tells of a share that broke off, if it changed anything: how it is now is reported when it is done, or put back. */
export async function auditBrokenShare(
  deps: WorkerDeps,
  request: ShareRequest,
  awsRequestIds: string[],
  error: unknown,
): Promise<void> {
  if (awsRequestIds.length === 0) return;
  const reasons = [error instanceof Error ? error.message : String(error)];
  await record(deps, request, { action: 'share-image', outcome: 'failed', reasons, awsRequestIds });
}

/** Tells how an image was put back, if there was anything to put back. `after` is `null` where that failed. */
export async function auditPutBack(
  deps: WorkerDeps,
  request: ShareRequest,
  awsRequestIds: string[],
  after: PermissionState | null,
): Promise<void> {
  if (after !== null && awsRequestIds.length === 0) return;
  const outcome = after === null ? 'failed' : 'done';
  await record(deps, request, { action: 'put-permissions-back', outcome, after, awsRequestIds });
}

async function record(
  { audit, policy }: WorkerDeps,
  { job, image, before, change, me }: ShareRequest,
  entry: Pick<AuditEntry, 'action' | 'outcome'> & Partial<AuditEntry>,
): Promise<void> {
  await audit.record(
    auditEntry({
      principal: job.requestedBy,
      policyVersion: policy.current()?.version ?? null,
      jobId: job.id,
      image: { imageId: image.imageId, account: image.account, region: image.region },
      // What copies are shared with is said once, in the entry of their request: each has its own state in `after`.
      what: me.destination === null ? change : null,
      before,
      ...entry,
    }),
  );
}
