import type { Image, ImageName, Scope } from '../domain/ami.ts';
import { auditEntry } from '../domain/audit.ts';
import type { AuditAction } from '../domain/audit.ts';
import type { HoldGiven } from '../domain/holds.ts';
import {
  dueHoldsOf,
  holdsBegun,
  holdsGiven,
  holdsReleased,
  isNothingHeld,
  NOTHING_HELD,
} from '../domain/holds.ts';
import type { CopyJob } from '../domain/job.ts';
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
import { keyPolicyNeeded } from './key-grants.ts';
import { namesAllSnapshots } from './names-all-snapshots.ts';
import { devicesMissing } from './plan.ts';
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
    const asked = { ...NO_REQUEST, accounts: [...accounts], includeSnapshots: true };
    const change = { mode: 'patch' as const, add: asked, remove: NO_REQUEST };
    const todo = differences(change, now);
    refuse(refusals(facts, asked, plus(now.state, todo.give.launch)));
    await save(
      deps,
      job,
      image,
      onCopy(holdsBegun(image, accounts)),
      await plannedFor(deps, request, todo, facts),
    );
    const refused: string[] = [];
    const calls = [
      ...grantCalls(deps, scope, request, facts, (account) => refused.push(account)),
      ...callsFor(deps, scope, image, todo, [], NO_GRANTS),
    ];
    await makeGiving(deps, request, todo.give, facts.keys, calls);
    const after = await readTouched(deps, scope, image, now, touchedBy(todo));
    if (!isNothing(differences(change, after).give)) throw unsettled(scope);
    const warnings = keyPolicyNeeded(scope, facts.keys, { ...NOBODY, accounts: sortedSet(refused) });
    await save(deps, job, image, onCopy(holdsGiven(image, accounts, warnings)));
    return { before: now.state, after: after.state };
  });
}

/**
 * Takes back what the holds of accounts gave, unless other jobs need it. What others gave meanwhile stays.
 * @param image `null` where EC2 does not show it any more: then only grants are left
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
  const { given, users } = await deps.store.holds.ofImage(source, source.imageId);
  const free = accounts.filter((account) => !users.has(account) && given.has(account));
  if (free.length > 0) await takeBackHolds(deps, job, source, image, free, given);
  const gone = new Map(free.map((account) => [account, null]));
  await save(deps, job, source, onCopy(holdsReleased(source, accounts)), gone);
}

async function takeBackHolds(
  deps: SharingDeps,
  job: CopyJob,
  source: ImageName,
  image: Image | null,
  accounts: readonly string[],
  given: ReadonlyMap<string, HoldGiven>,
): Promise<void> {
  const scope: Scope = source;
  const { imageId } = source;
  const fence = async () => {
    await requireDue(deps, job, source, accounts, 'release');
    const { users } = await deps.store.holds.ofImage(scope, imageId);
    if (accounts.some((account) => users.has(account)))
      throw new StepOvertaken(`another job needs the access to ${imageId}`);
  };
  const revokes = accounts.flatMap((account) =>
    revokeCalls(deps, scope, imageId, account, given.get(account) ?? NOTHING_HELD),
  );
  if (image === null) return makeCalls(revokes, fence, async () => {});
  await audited(deps, 'release-source', { job, image, accounts }, async () => {
    const now = await readPermissions(deps, scope, image);
    const todo = withdrawalOf(accounts, given, now);
    const calls = [...callsFor(deps, scope, image, todo, [], NO_GRANTS), ...revokes];
    await makeCalls(calls, fence, async () => {});
    const after = await readTouched(deps, scope, image, now, touchedBy(todo));
    if (!isNothing(withdrawalOf(accounts, given, after).take)) throw unsettled(scope);
    return { before: now.state, after: after.state };
  });
  return undefined;
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
async function plannedFor(
  { store }: SharingDeps,
  { image, accounts }: HoldRequest,
  { give }: Differences,
  { keys }: ImageFacts,
): Promise<HoldChanges> {
  const { given } = await store.holds.ofImage(image, image.imageId);
  return new Map(
    accounts.map((account) => {
      const before = given.get(account) ?? NOTHING_HELD;
      const snapshots = [...give.snapshots].flatMap(([id, one]) =>
        one.accounts.includes(account) ? [id] : [],
      );
      const more = keys.map(({ keyId }) => keyId);
      const planned: HoldGiven = {
        launch: before.launch || give.launch.accounts.includes(account),
        snapshots: sortedSet([...before.snapshots, ...snapshots]),
        keys: sortedSet([...before.keys, ...more]),
      };
      return [account, isNothingHeld(planned) ? null : planned];
    }),
  );
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
  refused: (account: string) => void,
): AccessCall[] {
  return keys.flatMap(({ keyId }) =>
    accounts.map((account): AccessCall => {
      const name = holdGrantName(image.imageId, account);
      return {
        run: async (fence) => {
          await kms.createGrant(scope, keyId, name, account, fence).catch((error: unknown) => {
            if (!(error instanceof AwsError) || error.kind !== 'denied') throw error;
            refused(account);
          });
        },
        undo: () => revokeNamed({ kms }, scope, keyId, name),
      };
    }),
  );
}

/** The calls that revoke what the hold of an account granted. */
export function revokeCalls(
  { kms }: Pick<SharingDeps, 'kms'>,
  scope: Scope,
  imageId: string,
  account: string,
  { keys }: HoldGiven,
): AccessCall[] {
  return keys.map((keyId) => ({
    run: async (fence) => {
      await fence();
      await revokeNamed({ kms }, scope, keyId, holdGrantName(imageId, account));
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
  { job, image, accounts }: HoldRequest,
  run: () => Promise<{ before: PermissionState; after: PermissionState }>,
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
    const { before, after } = await collectRequestIds(awsRequestIds, run);
    if (awsRequestIds.length > 0)
      await audit.record(auditEntry({ ...common, outcome: 'done', before, after, awsRequestIds }));
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
