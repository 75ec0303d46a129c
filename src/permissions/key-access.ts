import type { Image, Scope } from '../domain/ami.ts';
import type { Warning } from '../domain/job.ts';
import { grantName, keyPolicyStatements } from '../domain/key-policy.ts';
import type { PermissionState } from '../domain/permissions.ts';
import type { KeyFacts } from '../domain/sharing-rules.ts';
import { Ec2Error } from '../ec2/classify.ts';
import type { PermissionDeps } from './deps.ts';

/**
 * Lets accounts use the customer keys that an image is encrypted under: one grant a key and account.
 * @param stillMay rejects when it may not go on; asked before each grant
 */
export async function grantKeys(
  { kms }: PermissionDeps,
  scope: Scope,
  image: Image,
  keys: readonly KeyFacts[],
  accounts: readonly string[],
  stillMay: () => Promise<void>,
): Promise<void> {
  for (const { keyId } of keys) {
    for (const account of accounts) {
      await stillMay();
      await kms.createGrant(scope, keyId, grantName(image.imageId, account), account);
    }
  }
}

/**
 * Takes back every grant that this service made on an image's keys for an account that isn't to keep it, also what an
 * earlier change left, and tells which accounts hold one. Where KMS refuses that they stay, and the job says so: a withdrawal doesn't fail for it.
 */
export async function revokeKeys(
  { kms }: PermissionDeps,
  scope: Scope,
  imageId: string,
  keys: readonly Pick<KeyFacts, 'keyId'>[],
  keep: readonly string[],
): Promise<{ warnings: Warning[]; granted: string[] }> {
  const kept = new Map(keep.map((account) => [grantName(imageId, account), account]));
  const granted: string[] = [];
  try {
    for (const { keyId } of keys) {
      const grants = await kms.findGrants(scope, keyId, grantName(imageId, ''));
      for (const { grantId, name } of grants) {
        const account = kept.get(name);
        if (account === undefined) await kms.revokeGrant(scope, keyId, grantId);
        else granted.push(account);
      }
    }
    return { warnings: [], granted };
  } catch (error) {
    if (!(error instanceof Ec2Error) || error.kind === 'throttled' || error.kind === 'transient') throw error;
    const message = `grants named amiferry/${imageId}/… may be left on the image's key, for accounts that it is no longer shared with: revoke them by hand. ${error.message}`;
    return { warnings: [{ code: 'key-grants-left', message, region: scope.region }], granted };
  }
}

/** What the key's owner still has to do, where the accounts get no grant. */
export function keyPolicyNeeded(
  region: string,
  keys: readonly KeyFacts[],
  target: PermissionState,
): Warning[] {
  const { accounts, organizations, organizationalUnits } = target;
  if (keys.length === 0 || accounts.length + organizations.length + organizationalUnits.length === 0)
    return [];
  const members =
    organizations.length + organizationalUnits.length > 0
      ? ' and the accounts of the organizations and units'
      : '';
  const message = `${accounts.join(', ')}${members} can launch the image only with access to its key: have the owner of ${keys.map(({ keyId }) => keyId).join(', ')} add these statements to the key policy, or ask with "grantKeyAccess": true`;
  return [{ code: 'key-policy-needed', message, region, statements: keyPolicyStatements(accounts) }];
}
