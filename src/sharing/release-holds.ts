import type { Image, ImageName, Scope } from '../domain/ami.ts';
import { onCopy } from '../domain/apply-transition.ts';
import { holdsReleased } from '../domain/hold-transitions.ts';
import type { HoldGiven } from '../domain/holds.ts';
import { NOTHING_HELD } from '../domain/holds.ts';
import type { CopyJob, Warning } from '../domain/job.ts';
import { NOBODY, sortedSet } from '../domain/permissions.ts';
import { AwsError } from '../aws/aws-error.ts';
import type { AccessCall } from './converge.ts';
import { callsFor, makeCalls, NO_GRANTS } from './converge.ts';
import type { SharingDeps } from './deps.ts';
import type { Differences } from './differences.ts';
import { isNothing, NOTHING, touchedBy } from './differences.ts';
import { StepOvertaken } from './fence.ts';
import { requireDue, saveHold, auditedHold, sourceUnsettled, revokeCalls } from './holds.ts';
import type { Permissions } from './read.ts';
import { readPermissions, readTouched } from './read.ts';

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
  await saveHold(deps, job, source, onCopy(holdsReleased(source, accounts, warnings)), left);
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
  return auditedHold(deps, 'release-source', { job, image: source, accounts }, async () => {
    if (image === null) {
      await makeCalls([...leftSnapshots(deps, source, accounts, given), ...revokes], fence, async () => {});
      return null;
    }
    const now = await readPermissions(deps, scope, image);
    const todo = withdrawalOf(accounts, given, now);
    const calls = [...callsFor(deps, scope, image, todo, [], NO_GRANTS), ...revokes];
    await makeCalls(calls, fence, async () => {});
    const after = await readTouched(deps, scope, image, now, touchedBy(todo));
    if (!isNothing(withdrawalOf(accounts, given, after).take)) throw sourceUnsettled(scope);
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
