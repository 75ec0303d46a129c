import type { Image, ImageName, Scope } from '../domain/ami.ts';
import { auditEntry } from '../domain/audit.ts';
import type { AuditAction } from '../domain/audit.ts';
import type { HoldGiven } from '../domain/holds.ts';
import { dueHoldsOf, isNothingHeld, NOTHING_HELD } from '../domain/holds.ts';
import { holdsBegun, holdsGiven, holdsReleased } from '../domain/hold-transitions.ts';
import type { CopyJob, Warning } from '../domain/job.ts';
import { holdGrantName } from '../domain/key-policy.ts';
import type { PermissionState } from '../domain/permissions.ts';
import { NO_REQUEST, NOBODY, plus, sortedSet } from '../domain/permissions.ts';
import { refusals } from '../domain/sharing-rules.ts';
import { onCopy } from '../domain/apply-transition.ts';
import { AwsError } from '../aws/aws-error.ts';
import { collectRequestIds } from '../aws/request-ids.ts';
import type { Change } from '../store/store.ts';
import type { HoldChanges } from '../store/holds.ts';
import type { AccessCall } from './converge.ts';
import { callsFor, makeCalls } from './converge.ts';
import { refuse } from './copy-checks.ts';
import type { SharingDeps } from './deps.ts';
import type { Differences } from './differences.ts';
import { differences, isNothing, NOTHING, touchedBy } from './differences.ts';
import type { ImageFacts } from './facts.ts';
import { sharingFacts } from './facts.ts';
import { isFirstInQueue, StepOvertaken } from './fence.ts';
import { grantsLeft, keyPolicyNeeded } from './key-grants.ts';
import { namesAllSnapshots } from './names-all-snapshots.ts';
import { devicesMissing, requireKeysKnown } from './plan.ts';
import type { Permissions } from './read.ts';
import { readPermissions, readTouched } from './read.ts';
import { readBack } from './read-back.ts';

const NO_GRANTS = { held: [], revoke: () => false, grant: [] };

/** One try to give accounts access to the source of a job, or to take it back. */
interface HoldRequest {
  job: CopyJob;
  /** The image that is copied: the source of the job, or a hub. */
  image: Image;
  accounts: readonly string[];
}

/**
 * Gives accounts what they need to copy an image: launch permission, permission for each snapshot, and a grant for each key that it is
 * encrypted under. What an account has already is left as it is. What is given is saved before the calls.
 * @throws {AmiferryError} `not-image-owner`, and why EC2 does not let the image be shared
 * @throws {AwsError} the errors of the calls; `DevicesMissing` and `NotSettled` (transient)
 * @throws {StepOvertaken}
 */
export function giveHolds(deps: SharingDeps, request: HoldRequest): Promise<void> {
  const { job, image, accounts } = request;
  return audited(deps, 'hold-source', request, async () => {
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
    await save(deps, job, image, onCopy(holdsBegun(image, accounts)), planned);
    const refused: RefusedGrant[] = [];
    const calls = [
      ...grantCalls(deps, scope, request, facts, (one) => refused.push(one)),
      ...callsFor(deps, scope, image, todo, [], NO_GRANTS),
    ];
    await makeGiving(deps, request, todo.give, facts.keys, calls);
    const after = await readTouched(deps, scope, image, now, touchedBy(todo));
    if (!isNothing(differences(change, after).give)) throw unsettled(scope);
    const lacking = sortedSet(refused.map(({ account }) => account));
    const warnings = keyPolicyNeeded(scope, facts.keys, { ...NOBODY, accounts: lacking });
    const made = withoutRefused(planned, given, refused);
    await save(deps, job, image, onCopy(holdsGiven(image, accounts, warnings)), made);
    return { before: now.state, after: after.state };
  });
}

/**
 * Takes back what the holds of accounts gave, unless other jobs need it. What others gave meanwhile stays. Grants that KMS refuses to revoke
 * stay, with a warning, and are tried again with the next hold, or the next change that takes the image from the account.
 * @param image `null` where EC2 does not show it any more: then its snapshots and keys are left
 * @throws {AwsError} the errors of the calls
 * @throws {StepOvertaken}
 */
export async function releaseHolds(
  deps: SharingDeps,
  job: CopyJob,
  source: ImageName,
  image: Image | null,
  accounts: readonly string[],
): Promise<void> {
  const { given, free } = await freeHolds(deps, source, accounts);
  const left = new Map<string, HoldGiven | null>(free.map((account) => [account, null]));
  const warnings: Warning[] = [];
  const leave = (account: string, keyId: string, warning: Warning) => {
    const before = left.get(account) ?? NOTHING_HELD;
    left.set(account, { ...before, keys: sortedSet([...before.keys, keyId]) });
    warnings.push(warning);
  };
  if (free.length > 0) await takeBackHolds(deps, { job, source, image, accounts: free, given, leave });
  await save(deps, job, source, onCopy(holdsReleased(source, accounts, warnings)), left);
}

/** The accounts among some whose access is to be taken back: a hold gave it, and no job needs it. */
export async function freeHolds(
  { store }: Pick<SharingDeps, 'store'>,
  source: ImageName,
  accounts: readonly string[],
): Promise<{ given: ReadonlyMap<string, HoldGiven>; free: string[] }> {
  const { given, users } = await store.holds.ofImage(source, source.imageId);
  return { given, free: accounts.filter((account) => !users.has(account) && given.has(account)) };
}

interface TakeBack {
  job: CopyJob;
  source: ImageName;
  image: Image | null;
  accounts: readonly string[];
  given: ReadonlyMap<string, HoldGiven>;
  leave: (account: string, keyId: string, warning: Warning) => void;
}

function takeBackHolds(deps: SharingDeps, one: TakeBack): Promise<void> {
  const { job, source, image, accounts, given, leave } = one;
  const scope: Scope = source;
  const { imageId } = source;
  const fence = async () => {
    await requireDue(deps, job, source, accounts, 'release');
    const { users } = await deps.store.holds.ofImage(scope, imageId);
    if (accounts.some((account) => users.has(account)))
      throw new StepOvertaken(`another job needs the access to ${imageId}`);
  };
  const revokes = accounts.flatMap((account) =>
    revokeCalls(deps, scope, imageId, account, given.get(account) ?? NOTHING_HELD, (keyId, warning) =>
      leave(account, keyId, warning),
    ),
  );
  return audited(deps, 'release-source', { job, image: source, accounts }, async () => {
    if (image === null) {
      await makeCalls([...leftSnapshots(deps, source, accounts, given), ...revokes], fence, async () => {});
      return null;
    }
    const now = await readPermissions(deps, scope, image);
    const todo = withdrawalOf(accounts, given, now);
    const calls = [...callsFor(deps, scope, image, todo, [], NO_GRANTS), ...revokes];
    await makeCalls(calls, fence, async () => {});
    const after = await readTouched(deps, scope, image, now, touchedBy(todo));
    if (!isNothing(withdrawalOf(accounts, given, after).take)) throw unsettled(scope);
    return { before: now.state, after: after.state };
  });
}

/** DeregisterImage keeps the snapshots of an image unless it is asked to delete them: they are still shared then. */
function leftSnapshots(
  { gateway }: SharingDeps,
  source: ImageName,
  accounts: readonly string[],
  given: ReadonlyMap<string, HoldGiven>,
): AccessCall[] {
  const ids = sortedSet(accounts.flatMap((account) => given.get(account)?.snapshots ?? []));
  return ids.map((id) => ({
    run: async (fence) => {
      const ours = accounts.filter((account) => given.get(account)?.snapshots.includes(id) === true);
      const who = { public: false, accounts: ours };
      await gateway.modifySnapshotPermissions(source, id, 'remove', who, fence).catch((error: unknown) => {
        if (!(error instanceof AwsError) || error.kind !== 'missing') throw error;
      });
    },
  }));
}

function withdrawalOf(
  accounts: readonly string[],
  given: ReadonlyMap<string, HoldGiven>,
  now: Permissions,
): Differences {
  const launched = accounts.filter(
    (account) => given.get(account)?.launch === true && now.state.accounts.includes(account),
  );
  const snapshots = [...now.snapshots].map(([id, has]) => {
    const ours = accounts.filter(
      (account) => has.accounts.includes(account) && given.get(account)?.snapshots.includes(id) === true,
    );
    return [id, { public: false, accounts: ours }] as const;
  });
  return {
    take: { launch: { ...NOBODY, accounts: launched }, snapshots: new Map(snapshots) },
    give: NOTHING,
  };
}

/** What each account will have been given, together with what an earlier try or another job gave it. */
function plannedFor(
  given: ReadonlyMap<string, HoldGiven>,
  { accounts }: HoldRequest,
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
  { image, accounts }: HoldRequest,
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

async function revokeNamed(
  { kms }: Pick<SharingDeps, 'kms'>,
  scope: Scope,
  keyId: string,
  name: string,
): Promise<void> {
  for (const { grantId, name: found } of await kms.findGrants(scope, keyId, name))
    if (found === name) await kms.revokeGrant(scope, keyId, grantId);
}

/** Makes calls that give access. What an overtaken step gave to accounts that no copy needs (any more) is taken back. */
async function makeGiving(
  deps: SharingDeps,
  request: HoldRequest,
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
  { image }: HoldRequest,
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

/** The fence: the job is the first in the wait queue of the image, and still has to do this for all of the accounts. */
async function requireDue(
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

async function save(
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
async function audited(
  { audit, policy }: SharingDeps,
  action: AuditAction,
  { job, image, accounts }: Omit<HoldRequest, 'image'> & { image: ImageName },
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

function unsettled({ region }: Scope): AwsError {
  const message = `EC2 does not show the changed permissions of the source in ${region} yet`;
  return new AwsError('transient', message, 'NotSettled', null, undefined);
}
