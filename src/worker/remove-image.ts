import type { Scope } from '../domain/ami.ts';
import { snapshotIdsOf } from '../domain/ami.ts';
import type { Unseen } from '../domain/job.ts';
import { isGone } from '../domain/transitions.ts';
import { AwsError } from '../aws/aws-error.ts';
import type { RemoveOutcome } from '../aws/ec2/gateway.ts';
import type { WorkerDeps } from './deps.ts';

/** What is known of an image that is to be removed. */
export interface Removal {
  scope: Scope;
  imageId: string;
  /** EC2 has already accepted its deregistration. */
  isDeregistered: boolean;
  /** Is called when EC2 has accepted the deregistration, before the snapshots are deleted. */
  whenDeregistered: () => Promise<void>;
}

/** `unknown`: EC2 does not know the image. That answer may be stale. The snapshots that EC2 shows are deleted nevertheless. */
export type RemovalOutcome = 'removed' | 'unknown' | 'again';

/**
 * Deregisters one image that this service made, which cancels a pending copy, and deletes its own snapshots: those that the
 * image names, and those that EC2 describes as copied for it. Snapshots are never chosen by a tag, because tags are copied
 * along. It is idempotent at every point.
 * @throws {AwsError} what EC2 refuses, and transient errors
 */
export async function removeImage(deps: WorkerDeps, removal: Removal): Promise<RemovalOutcome> {
  const { scope, imageId } = removal;
  const image = await deps.gateway.describeImage(scope, imageId);
  const named = image?.imageId === imageId ? snapshotIdsOf([image]) : [];
  const outcome = await deregister(deps, removal);
  const find = async () =>
    (await deps.gateway.snapshotsCopiedFor(scope, imageId)).map(({ snapshotId }) => snapshotId);
  const all = [...new Set([...named, ...(await find())])];
  await deleteSnapshots(deps, scope, all);
  if (all.length > 0 && (await find()).length > 0) return 'again';
  return outcome === 'removed' ? 'removed' : 'unknown';
}

async function deregister({ gateway }: WorkerDeps, removal: Removal): Promise<RemoveOutcome> {
  if (removal.isDeregistered) return 'removed';
  const outcome = await gateway.deregisterImage(removal.scope, removal.imageId);
  if (outcome === 'removed') await removal.whenDeregistered();
  return outcome;
}

/** Deletes all snapshots that can be deleted, and only then throws the error of those that can't. */
async function deleteSnapshots({ gateway }: WorkerDeps, scope: Scope, ids: readonly string[]): Promise<void> {
  let refused: AwsError | null = null;
  for (const snapshotId of ids) {
    try {
      await gateway.deleteSnapshot(scope, snapshotId);
    } catch (error) {
      if (!(error instanceof AwsError) || error.kind !== 'refused') throw error;
      refused ??= about(snapshotId, error);
    }
  }
  if (refused !== null) throw refused;
}

function about(snapshotId: string, { kind, message, awsCode, aws, cause }: AwsError): AwsError {
  const words = message.includes(snapshotId) ? message : `${snapshotId}: ${message}`;
  return new AwsError(kind, words, awsCode, aws?.awsRequestId ?? null, cause);
}

/** Whether an image that EC2 does not know counts as gone: after several polls, and not while the image is new. */
export function isGoneForGood(
  { store, settings }: Pick<WorkerDeps, 'store' | 'settings'>,
  unseen: Unseen | null | undefined,
  since: number,
): boolean {
  const now = store.now();
  return now - since >= settings.lostCopyMs && unseen != null && isGone(unseen, now, settings);
}
