import type { Image, Scope } from '../domain/ami.ts';
import type { Warning } from '../domain/job.ts';
import { grantName, keyPolicyStatements } from '../domain/key-policy.ts';
import type { PermissionState } from '../domain/permissions.ts';
import { without } from '../domain/permissions.ts';
import type { KeyFacts } from '../domain/sharing-rules.ts';
import { Ec2Error } from '../ec2/classify.ts';
import type { PermissionDeps } from './deps.ts';

/** Lets accounts use the customer keys that an image is encrypted under: one grant a key and account. */
export async function grantKeys(
  { kms }: PermissionDeps,
  scope: Scope,
  image: Image,
  keys: readonly KeyFacts[],
  accounts: readonly string[],
): Promise<void> {
  for (const { keyId } of keys) {
    for (const account of accounts)
      await kms.createGrant(scope, keyId, grantName(image.imageId, account), account);
  }
}

/**
 * Takes back the grants that this service made for accounts with which the image is no longer shared. Where it may not
 * list or revoke them they stay, and the job says so.
 */
export async function revokeKeys(
  { kms }: PermissionDeps,
  scope: Scope,
  image: Image,
  keys: readonly KeyFacts[],
  accounts: readonly string[],
): Promise<Warning[]> {
  if (accounts.length === 0) return [];
  const names = new Set(accounts.map((account) => grantName(image.imageId, account)));
  try {
    for (const { keyId } of keys) {
      const grants = await kms.findGrants(scope, keyId, grantName(image.imageId, ''));
      for (const { grantId, name } of grants)
        if (names.has(name)) await kms.revokeGrant(scope, keyId, grantId);
    }
    return [];
  } catch (error) {
    if (!(error instanceof Ec2Error) || error.kind !== 'denied') throw error;
    const message = `the image is no longer shared with ${accounts.join(', ')}, but grants named amiferry/${image.imageId}/… may be left on its key: ${error.message}`;
    return [{ code: 'key-grants-left', message, region: scope.region }];
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

/** Accounts that were given something and are no longer. */
export function withdrawnAccounts(before: PermissionState, after: PermissionState): string[] {
  return without(before.accounts, after.accounts);
}
