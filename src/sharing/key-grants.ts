import type { Scope } from '../domain/ami.ts';
import type { Warning } from '../domain/job.ts';
import { createGrantCommand, grantName, keyPolicyStatements } from '../domain/key-policy.ts';
import type { PermissionSet } from '../domain/permissions.ts';
import { shareeCount } from '../domain/permissions.ts';
import type { KeyFacts } from '../domain/sharing-rules.ts';
import { AwsError, PASSING } from '../aws/aws-error.ts';
import type { AccessCall } from './converge.ts';
import type { SharingReads } from './deps.ts';

type Keys = readonly Pick<KeyFacts, 'keyId'>[];

/** A grant that this service made for one account on one of an image's keys. */
export interface HeldGrant {
  keyId: string;
  grantId: string;
  account: string;
}

/** The changes of the grants on an image's keys. */
export interface GrantPlan {
  held: readonly HeldGrant[];
  /** The accounts whose grants are revoked. */
  revoke: (account: string) => boolean;
  /** The accounts that get a grant on each key where they have none yet. */
  grant: readonly string[];
  /** Called where KMS refuses to revoke a grant: a withdrawal does not fail for it. */
  left?: (warning: Warning) => void;
}

/** The grants that this service made on an image's keys. Where KMS does not let this service list them, there are none and a warning. */
export async function readGrants(
  { kms }: SharingReads,
  scope: Scope,
  imageId: string,
  keys: Keys,
): Promise<{ held: HeldGrant[]; warnings: Warning[] }> {
  const held: HeldGrant[] = [];
  try {
    const prefix = grantName(imageId, '');
    for (const { keyId } of keys) {
      for (const { grantId, name } of await kms.findGrants(scope, keyId, prefix))
        held.push({ keyId, grantId, account: name.slice(prefix.length) });
    }
    return { held, warnings: [] };
  } catch (error) {
    return { held, warnings: [grantsLeft(scope, imageId, error)] };
  }
}

/** The calls that revoke grants, and the calls that make them. */
export function grantCalls(
  { kms }: SharingReads,
  scope: Scope,
  imageId: string,
  keys: Keys,
  { held, revoke, grant, left = () => {} }: GrantPlan,
): { revoke: AccessCall[]; grant: AccessCall[] } {
  const has = (keyId: string, account: string) =>
    held.some((one) => one.keyId === keyId && one.account === account && !revoke(account));
  return {
    revoke: held
      .filter(({ account }) => revoke(account))
      .map(({ keyId, grantId }) => ({
        run: (fence) =>
          kms
            .revokeGrant(scope, keyId, grantId, fence)
            .catch((error: unknown) => left(grantsLeft(scope, imageId, error))),
      })),
    grant: keys.flatMap(({ keyId }) =>
      grant
        .filter((account) => !has(keyId, account))
        .map((account) => {
          const name = grantName(imageId, account);
          let made: string | undefined;
          return {
            run: async (fence) => {
              made = await kms.createGrant(scope, keyId, name, account, fence);
            },
            undo: async () => {
              // KMS may not list a grant yet that it has just made.
              if (made !== undefined) await kms.revokeGrant(scope, keyId, made);
              for (const { grantId, name: found } of await kms.findGrants(scope, keyId, name))
                if (found === name) await kms.revokeGrant(scope, keyId, grantId);
            },
          } satisfies AccessCall;
        }),
    ),
  };
}

/**
 * Revokes every grant that this service made on an image's keys. Where KMS refuses that, the grants stay and a warning says so:
 * a withdrawal does not fail for it.
 */
export async function revokeAll(
  deps: SharingReads,
  scope: Scope,
  imageId: string,
  keys: Keys,
): Promise<Warning[]> {
  const { held, warnings } = await readGrants(deps, scope, imageId, keys);
  const left = (warning: Warning) => warnings.push(warning);
  const plan = { held, revoke: () => true, grant: [], left };
  for (const { run } of grantCalls(deps, scope, imageId, keys, plan).revoke) await run(async () => {});
  return warnings;
}

/**
 * What is said where KMS refuses to list or revoke grants. Throws transient errors, and errors that are not an answer of KMS.
 * @param names what the grants are named
 */
export function grantsLeft(
  { account, region }: Scope,
  imageId: string,
  error: unknown,
  names = `amiferry/${imageId}/…`,
): Warning {
  if (!(error instanceof AwsError) || PASSING.has(error.kind)) throw error;
  const message = `grants named ${names} may be left on the key of ${imageId}, for accounts that it is no longer shared with: revoke them by hand. ${error.message}`;
  return { code: 'key-grants-left', message, account, region };
}

/** How many accounts a warning names in its message: its statements name all of them. */
const MOST_NAMED = 50;

/** What the key's owner still has to do for the sharees that get no grant: a KMS grant is for an account only. */
export function keyPolicyNeeded({ account, region }: Scope, keys: Keys, lacking: PermissionSet): Warning[] {
  if (keys.length === 0 || shareeCount(lacking) === 0) return [];
  const { accounts, organizations, organizationalUnits } = lacking;
  const members = organizations.length + organizationalUnits.length > 0;
  const more = accounts.length - MOST_NAMED;
  const who = [
    ...accounts.slice(0, MOST_NAMED),
    ...(more > 0 ? [`${more} more accounts`] : []),
    ...(members ? ['the accounts of the organizations and units'] : []),
  ].join(', ');
  const instead = members
    ? ' ("grantKeyAccess" is for accounts only: a grant can name no organization or unit)'
    : ', or ask with "grantKeyAccess": true';
  const message = `${who} can launch the image only with access to its key: have the owner of ${keys.map(({ keyId }) => keyId).join(', ')} add these statements to the key policy${instead}`;
  return [
    { code: 'key-policy-needed', message, account, region, statements: keyPolicyStatements(lacking, region) },
  ];
}

/** What accounts that got an image have to do themselves, before their Auto Scaling groups can launch it. */
export function autoScalingNeeds({ account, region }: Scope, keys: Keys, named: PermissionSet): Warning[] {
  if (keys.length === 0 || shareeCount(named) === 0) return [];
  const members = shareeCount({ ...named, accounts: [] }) > 0;
  const [only = 'ACCOUNT', ...others] = members ? [] : named.accounts;
  const grantee = others.length === 0 ? only : 'ACCOUNT';
  const commands = keys.map(({ keyId }) => createGrantCommand(region, keyId, grantee));
  const who = grantee === 'ACCOUNT' ? 'each account, with its own id for ACCOUNT' : grantee;
  const message = `Auto Scaling groups can launch the image only once their service-linked role has a grant for its key, which only their own account can make; ${who}: ${commands.join(' && ')}`;
  return [{ code: 'auto-scaling-grant-needed', message, account, region }];
}
