import type { Scope } from '../domain/ami.ts';
import type { Given } from '../domain/given.ts';
import { NOTHING_GIVEN } from '../domain/given.ts';
import { NOTHING_HELD } from '../domain/holds.ts';
import type { Warning } from '../domain/job.ts';
import type { PermissionChange, PermissionState } from '../domain/permissions.ts';
import { minus, plus, sortedSet, without } from '../domain/permissions.ts';
import { granteesOf } from '../domain/policy.ts';
import type { Reason } from '../domain/sharing-rules.ts';
import { refusals } from '../domain/sharing-rules.ts';
import { AwsError } from '../aws/aws-error.ts';
import { collectRequestIds } from '../aws/request-ids.ts';
import { NotAllowed, requireAllowed } from './allowed.ts';
import { auditBrokenShare, auditShare } from './audit.ts';
import { besideHolds } from './beside-holds.ts';
import { callsFor, makeCalls, NO_GRANTS } from './converge.ts';
import type { SharingDeps } from './deps.ts';
import { differences, isNothing, NOTHING, touchedBy } from './differences.ts';
import { revokeCalls } from './holds.ts';
import { requireStillMine, StepOvertaken } from './fence.ts';
import { autoScalingNeeds, keyPolicyNeeded } from './key-grants.ts';
import { namesAllSnapshots } from './names-all-snapshots.ts';
import type { Plan } from './plan.ts';
import { plan } from './plan.ts';
import type { Permissions } from './read.ts';
import { readTouched } from './read.ts';
import { readBackShare } from './read-back.ts';
import type { ShareOutcome, ShareRequest } from './request.ts';
import { takeBack } from './take-back.ts';

/**
 * Gives an image the permissions that it should have, with the grants on its keys, and records the change in the audit. The
 * calls follow from the current permissions. The policy and EC2's rules are checked again directly before, because the request
 * may have been accepted an hour ago.
 * @param read the permissions that this step has just read; `null`: they are read here
 */
export async function share(
  deps: SharingDeps,
  scope: Scope,
  request: ShareRequest,
  read: Permissions | null,
): Promise<ShareOutcome> {
  const awsRequestIds: string[] = [];
  try {
    const result = await collectRequestIds(awsRequestIds, () => apply(deps, scope, request, read));
    await auditShare(deps, request, awsRequestIds, result);
    return result;
  } catch (error) {
    await auditBrokenShare(deps, request, awsRequestIds, error);
    throw error;
  }
}

async function apply(
  deps: SharingDeps,
  scope: Scope,
  request: ShareRequest,
  read: Permissions | null,
): Promise<ShareOutcome> {
  try {
    const one = await plan(deps, scope, request, read);
    requireAllowed(deps, request, one.given);
    const { state } = one.now;
    const target = plus(minus(state, one.todo.take.launch), one.todo.give.launch);
    const reasons = refusals(one.facts, one.given, target);
    if (reasons.length > 0) return await refused(deps, scope, request, reasons);
    return await change(deps, scope, request, one);
  } catch (error) {
    if (error instanceof NotAllowed) return refused(deps, scope, request, error.reasons);
    throw error;
  }
}

/**
 * Makes the calls of a plan, and reads back what they changed. What the calls give is saved first. The fence comes before each
 * call, and the read back after each call that gave something.
 */
async function change(
  deps: SharingDeps,
  scope: Scope,
  request: ShareRequest,
  one: Plan,
): Promise<ShareOutcome> {
  const { image, change: asked, me } = request;
  const { todo, facts, held, given, warnings } = one;
  if (one.failed !== null) {
    const calls = callsFor(deps, scope, image, { ...todo, give: NOTHING }, [], NO_GRANTS);
    await makeAll(deps, scope, request, calls, given);
    throw one.failed;
  }
  const saved = await deps.store.updateIfFirst(me, scope, image.imageId, request.remember(given, warnings));
  if (saved.outcome !== 'changed') throw new StepOvertaken(`job ${me.jobId} is not to give anything (more)`);
  const grantees = granteesOf(asked);
  const left: Warning[] = [];
  const calls = callsFor(deps, scope, image, todo, facts.keys, {
    held,
    revoke: (account) => losesGrant(request, account),
    grant: grantees,
    left: (warning) => left.push(warning),
  });
  const holdChanges = new Map(one.holdChanges);
  const revokes = [...one.leftBehind].flatMap(([account, hold]) =>
    revokeCalls(deps, scope, image.imageId, account, hold, (keyId, warning) => {
      const { keys } = holdChanges.get(account) ?? NOTHING_HELD;
      holdChanges.set(account, { ...NOTHING_HELD, keys: sortedSet([...keys, keyId]) });
      left.push(warning);
    }),
  );
  await makeAll(deps, scope, request, [...calls, ...revokes], given);
  const after = await readTouched(deps, scope, image, one.now, touchedBy(todo));
  const { todo: rest } = besideHolds(asked, differences(asked, after), one.holds);
  const isThere = isNothing(rest.take) && isNothing(rest.give);
  if (!isThere || !(one.gives || (await namesAllSnapshots(deps, scope, image))))
    return { outcome: 'unsettled', after: after.state };
  if (holdChanges.size > 0) {
    const told = await deps.store.updateIfFirst(
      me,
      scope,
      image.imageId,
      request.remember(NOTHING_GIVEN, []),
      holdChanges,
    );
    if (told.outcome !== 'changed') throw new StepOvertaken(`job ${me.jobId} was ended by another worker`);
  }
  const { state } = after;
  return {
    outcome: 'shared',
    after: state,
    warnings: [...left, ...keyWarnings(scope, asked, one, state)],
  };
}

/** What others still have to do before the accounts that got the image can use its keys. */
function keyWarnings(
  scope: Scope,
  asked: PermissionChange,
  { facts: { keys }, held }: Plan,
  after: PermissionState,
): Warning[] {
  const named = asked.mode === 'set' ? asked.set : asked.add;
  const withGrant = held.map(({ account }) => account);
  const lacking =
    granteesOf(asked).length > 0
      ? { ...named, accounts: [] }
      : { ...after, accounts: without(after.accounts, withGrant) };
  return [...keyPolicyNeeded(scope, keys, lacking), ...autoScalingNeeds(scope, keys, named)];
}

/** A PUT revokes the grants of all accounts that it does not name, a PATCH those of the accounts that it removes. */
function losesGrant({ change: asked }: ShareRequest, account: string): boolean {
  if (asked.mode === 'set') return !asked.set.accounts.includes(account);
  return asked.remove.accounts.includes(account);
}

async function makeAll(
  deps: SharingDeps,
  scope: Scope,
  request: ShareRequest,
  calls: ReturnType<typeof callsFor>,
  given: Given,
): Promise<void> {
  const fence = async () => {
    requireAllowed(deps, request, given);
    await requireStillMine(deps, request);
  };
  await makeCalls(calls, fence, (undo) => readBackShare(deps, scope, request, undo));
}

/** This try or an earlier one may have made a part of the change, under the rules of that time: it is taken back. */
async function refused(
  deps: SharingDeps,
  scope: Scope,
  request: ShareRequest,
  reasons: Reason[],
): Promise<ShareOutcome> {
  const after = await takeBack(deps, scope, request);
  if (after === null) throw notTakenBack(scope);
  return { outcome: 'refused', reasons, after };
}

function notTakenBack({ region }: Scope): AwsError {
  const message = `it is not allowed (any more) to share the image in ${region}, and it could not be made sure that it is not`;
  return new AwsError('transient', message, 'NotPutBack', null, undefined);
}
