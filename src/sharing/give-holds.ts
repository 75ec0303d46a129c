import type { Image, Scope } from '../domain/ami.ts';
import { onCopy } from '../domain/apply-transition.ts';
import { holdsBegun, holdsGiven } from '../domain/hold-transitions.ts';
import type { HoldGiven } from '../domain/holds.ts';
import { isNothingHeld, NOTHING_HELD } from '../domain/holds.ts';
import { holdGrantName } from '../domain/key-policy.ts';
import { NO_REQUEST, NOBODY, plus, sortedSet } from '../domain/permissions.ts';
import { refusals } from '../domain/sharing-rules.ts';
import { AwsError } from '../aws/aws-error.ts';
import type { HoldChanges } from '../store/holds.ts';
import type { AccessCall } from './converge.ts';
import { callsFor, makeCalls, NO_GRANTS } from './converge.ts';
import { refuse } from './copy-checks.ts';
import type { SharingDeps } from './deps.ts';
import type { Differences } from './differences.ts';
import { differences, isNothing, touchedBy } from './differences.ts';
import type { ImageFacts } from './facts.ts';
import { sharingFacts } from './facts.ts';
import type { HoldTry } from './holds.ts';
import { requireDue, saveHold, auditedHold, sourceUnsettled, revokeNamed } from './holds.ts';
import { keyPolicyNeeded } from './key-grants.ts';
import { namesAllSnapshots } from './names-all-snapshots.ts';
import { devicesMissing, requireKeysKnown } from './plan.ts';
import { readBack } from './read-back.ts';
import { readPermissions, readTouched } from './read.ts';

interface GiveRequest extends HoldTry {
  image: Image;
}

/**
 * Gives accounts what they need to copy an image: launch permission, permission for each snapshot, and a grant for each key that it is
 * encrypted under. What an account has already is left as it is. What is given is saved before the calls.
 * @throws {AmiferryError} `not-image-owner`, and why EC2 does not let the image be shared
 * @throws {AwsError} the errors of the calls; `DevicesMissing` and `NotSettled` (transient)
 * @throws {StepOvertaken}
 */
export function giveHolds(deps: SharingDeps, request: GiveRequest): Promise<void> {
  const { job, image, accounts } = request;
  return auditedHold(deps, 'hold-source', request, async () => {
    const scope: Scope = image;
    const now = await readPermissions(deps, scope, image);
    if (!(await namesAllSnapshots(deps, scope, image))) throw devicesMissing(scope, image.imageId);
    const facts = await sharingFacts(deps, scope, image, { keys: true });
    requireKeysKnown(scope, facts, now);
    const asked = { ...NO_REQUEST, accounts: [...accounts], includeSnapshots: true };
    const change = { mode: 'patch' as const, add: asked, remove: NO_REQUEST };
    const todo = differences(change, now);
    refuse(refusals(facts, asked, plus(now.state, todo.give.launch)));
    const { given } = await deps.store.holds.ofImage(image, image.imageId);
    const planned = plannedFor(given, request, todo, facts);
    await saveHold(deps, job, image, onCopy(holdsBegun(image, accounts)), planned);
    const refused: RefusedGrant[] = [];
    const calls = [
      ...grantCalls(deps, scope, request, facts, (one) => refused.push(one)),
      ...callsFor(deps, scope, image, todo, [], NO_GRANTS),
    ];
    await makeGiving(deps, request, todo.give, facts.keys, calls);
    const after = await readTouched(deps, scope, image, now, touchedBy(todo));
    if (!isNothing(differences(change, after).give)) throw sourceUnsettled(scope);
    const lacking = sortedSet(refused.map(({ account }) => account));
    const warnings = keyPolicyNeeded(scope, facts.keys, { ...NOBODY, accounts: lacking });
    const made = withoutRefused(planned, given, refused);
    await saveHold(deps, job, image, onCopy(holdsGiven(image, accounts, warnings)), made);
    return { before: now.state, after: after.state };
  });
}

/** What each account will have been given, together with what an earlier try or another job gave it. */
function plannedFor(
  given: ReadonlyMap<string, HoldGiven>,
  { accounts }: GiveRequest,
  { give }: Differences,
  { keys }: ImageFacts,
): HoldChanges {
  return new Map(
    accounts.map((account) => {
      const before = given.get(account) ?? NOTHING_HELD;
      const snapshots = [...give.snapshots].flatMap(([id, one]) =>
        one.accounts.includes(account) ? [id] : [],
      );
      const more = keys.map(({ keyId }) => keyId);
      return [
        account,
        unlessNothing({
          launch: before.launch || give.launch.accounts.includes(account),
          snapshots: sortedSet([...before.snapshots, ...snapshots]),
          keys: sortedSet([...before.keys, ...more]),
        }),
      ];
    }),
  );
}

/** KMS has refused a grant of a key to an account. */
interface RefusedGrant {
  account: string;
  keyId: string;
}

/** What was given of what was planned: a refused grant was not made, unless an earlier try may have made it. */
function withoutRefused(
  planned: HoldChanges,
  given: ReadonlyMap<string, HoldGiven>,
  refused: readonly RefusedGrant[],
): HoldChanges {
  const changes = new Map<string, HoldGiven | null>();
  for (const [account, hold] of planned) {
    const not = refused.filter((one) => one.account === account).map(({ keyId }) => keyId);
    if (hold === null || not.length === 0) continue;
    const before = given.get(account)?.keys ?? [];
    const keys = hold.keys.filter((keyId) => before.includes(keyId) || !not.includes(keyId));
    changes.set(account, unlessNothing({ ...hold, keys }));
  }
  return changes;
}

function unlessNothing(hold: HoldGiven): HoldGiven | null {
  return isNothingHeld(hold) ? null : hold;
}

/**
 * The calls that grant the accounts the keys of the image. KMS answers a grant of the same name and parameters with the first one. A
 * refused grant does not stop the copy: the key's policy may let the account use the key.
 */
function grantCalls(
  { kms }: SharingDeps,
  scope: Scope,
  { image, accounts }: GiveRequest,
  { keys }: ImageFacts,
  refused: (one: RefusedGrant) => void,
): AccessCall[] {
  return keys.flatMap(({ keyId }) =>
    accounts.map((account): AccessCall => {
      const name = holdGrantName(image.imageId, account);
      return {
        run: async (fence) => {
          await kms.createGrant(scope, keyId, name, account, fence).catch((error: unknown) => {
            if (!(error instanceof AwsError) || error.kind !== 'denied') throw error;
            refused({ account, keyId });
          });
        },
        undo: () => revokeNamed({ kms }, scope, keyId, name),
      };
    }),
  );
}

/** Makes calls that give access. What an overtaken step gave to accounts that no copy needs (any more) is taken back. */
async function makeGiving(
  deps: SharingDeps,
  request: GiveRequest,
  given: Differences['give'],
  keys: ImageFacts['keys'],
  calls: AccessCall[],
): Promise<void> {
  const { job, image, accounts } = request;
  const fence = () => requireDue(deps, job, image, accounts, 'give');
  const unneeded = async () => {
    const { users } = await deps.store.holds.ofImage(image, image.imageId);
    return accounts.filter((account) => !users.has(account));
  };
  const isToStay = async () => (await unneeded()).length === 0;
  const undo = async () => undoGiving(deps, request, given, keys, await unneeded());
  await makeCalls(calls, fence, () => readBack(deps, { image, fence, isToStay }, undo));
}

async function undoGiving(
  { gateway, kms }: SharingDeps,
  { image }: GiveRequest,
  { launch, snapshots }: Differences['give'],
  keys: ImageFacts['keys'],
  accounts: readonly string[],
): Promise<void> {
  const scope: Scope = image;
  const { imageId } = image;
  const among = (given: readonly string[]) => given.filter((account) => accounts.includes(account));
  for (const [id, one] of snapshots) {
    const part = { public: false, accounts: among(one.accounts) };
    if (part.accounts.length > 0) await gateway.modifySnapshotPermissions(scope, id, 'remove', part);
  }
  const launched = { ...NOBODY, accounts: among(launch.accounts) };
  if (launched.accounts.length > 0) await gateway.modifyLaunchPermissions(scope, imageId, NOBODY, launched);
  for (const { keyId } of keys)
    for (const account of accounts) await revokeNamed({ kms }, scope, keyId, holdGrantName(imageId, account));
}
