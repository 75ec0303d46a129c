import type { Image, Scope } from '../domain/ami.ts';
import { snapshotIdsOf } from '../domain/ami.ts';
import type { Reason } from '../domain/sharing-rules.ts';
import { AwsError } from '../aws/aws-error.ts';
import { AmiferryError } from '../errors.ts';
import type { SharingReads } from './deps.ts';
import type { Permissions } from './read.ts';
import { readPermissions } from './read.ts';

/** Why an image can't be shared: EC2 lets only the owner of a snapshot share the snapshot. */
export function againstForeign({ imageId, region }: Image, { foreign }: Permissions): Reason[] {
  if (foreign.size === 0) return [];
  const named = [...foreign].map(([id, owner]) => `${id} (of account ${owner ?? 'unknown'})`).join(', ');
  const message = `${imageId} is made of another account's snapshot: ${named}, so this account can't share it. Copy it, and share the copy, whose snapshots are this account's own: POST /amis/${imageId}/copies?region=${region}`;
  return [{ code: 'foreign-snapshot', message }];
}

/**
 * {@link readPermissions} of an image that exists: a snapshot that EC2 does not know then belongs to another account.
 * @throws {AmiferryError} `foreign-snapshot`, and those of readPermissions
 */
export async function readSettled(deps: SharingReads, scope: Scope, image: Image): Promise<Permissions> {
  try {
    return await readPermissions(deps, scope, image);
  } catch (error) {
    if (!(error instanceof AwsError) || error.awsCode !== 'InvalidSnapshot.NotFound') throw error;
    const hidden = hiddenSnapshots(await deps.gateway.snapshotOwners(scope, snapshotIdsOf([image])));
    if (hidden.length === 0) throw error;
    throw notShared(image, hidden, 'read or change who may copy it');
  }
}

/** The snapshots that this account may not see. */
export function hiddenSnapshots(owners: ReadonlyMap<string, string | null>): string[] {
  return [...owners].flatMap(([id, owner]) => (owner === null ? [id] : []));
}

/** @param what what this account can't do with the image because of that */
export function notShared({ imageId, region }: Image, hidden: string[], what: string): AmiferryError {
  const share = `aws ec2 modify-snapshot-attribute --region ${region} --snapshot-id ${hidden[0]} --attribute createVolumePermission --operation-type add --user-ids THIS-ACCOUNT`;
  const message = `${imageId} is made of ${hidden.join(', ')}, which another account owns and does not share with this one, so this account can't ${what}: have the owner share each snapshot (${share})`;
  return new AmiferryError('foreign-snapshot', message);
}
