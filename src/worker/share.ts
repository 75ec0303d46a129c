import type { Image, Scope } from '../domain/ami.ts';
import type { Given } from '../domain/given.ts';
import { plusGiven } from '../domain/given.ts';
import type { Warning } from '../domain/job.ts';
import type { PermissionState } from '../domain/permissions.ts';
import { minus, plus, without } from '../domain/permissions.ts';
import { againstSharing, granteesOf, sharingOfGiven } from '../domain/policy.ts';
import type { Reason } from '../domain/sharing-rules.ts';
import { refusals } from '../domain/sharing-rules.ts';
import { AwsError } from '../aws/aws-error.ts';
import { collectRequestIds } from '../aws/request-ids.ts';
import { callsFor, makeCalls } from '../permissions/converge.ts';
import type { Differences } from '../permissions/differences.ts';
import { differences, givenBy, isNothing, NOTHING, withdrawal } from '../permissions/differences.ts';
import type { ImageFacts } from '../permissions/facts.ts';
import { sharingFacts } from '../permissions/facts.ts';
import type { HeldGrant } from '../permissions/key-access.ts';
import { autoScalingNeeds, keyPolicyNeeded, readGrants } from '../permissions/key-access.ts';
import type { Permissions } from '../permissions/read.ts';
import { readPermissions } from '../permissions/read.ts';
import { auditBrokenShare, auditPutBack, auditShare } from './audit-share.ts';
import { changedMeanwhile } from './changed-meanwhile.ts';
import type { WorkerDeps } from './deps.ts';
import { keepTrying } from './keep-trying.ts';
import { namesAllSnapshots } from './names-all-snapshots.ts';
import type { ShareOutcome, ShareRequest } from './share-request.ts';
import { givenSoFar, isToStay, requireFirst, requireStillMine } from './still-mine.ts';
import { StepOvertaken } from './step-overtaken.ts';

/**
 * Gives an image the permissions that it should have, keys included, and tells the audit. What is to be done follows from
 * the permissions of now. The policy and EC2's rules are checked once more right before: an hour may have passed since the
 * request was accepted.
 */
export async function share(deps: WorkerDeps, scope: Scope, request: ShareRequest): Promise<ShareOutcome> {
  const awsRequestIds: string[] = [];
  try {
    const result = await collectRequestIds(awsRequestIds, () => apply(deps, scope, request));
    await auditShare(deps, request, awsRequestIds, result);
    return result;
  } catch (error) {
    await auditBrokenShare(deps, request, awsRequestIds, error);
    throw error;
  }
}

/** One try: what is there, what is to be done about it, and what the job gives by that. */
interface Try {
  now: Permissions;
  todo: Differences;
  facts: ImageFacts;
  held: HeldGrant[];
  /** Why the grants are not known for now, or `null`: what is taken doesn't wait for that. */
  failed: unknown;
  /** What the job gave already, and what it is about to give. */
  given: Given;
  warnings: Warning[];
}

async function apply(deps: WorkerDeps, scope: Scope, request: ShareRequest): Promise<ShareOutcome> {
  try {
    const one = await plan(deps, scope, request);
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

async function plan(deps: WorkerDeps, scope: Scope, request: ShareRequest): Promise<Try> {
  const { image, change: asked } = request;
  const now = await readPermissions(deps, scope, image);
  const todo = differences(asked, now);
  const grantees = granteesOf(asked);
  const gives = !isNothing(todo.give) || grantees.length > 0;
  if (gives && !(await namesAllSnapshots(deps, scope, image))) throw devicesMissing(scope, image.imageId);
  const facts = await sharingFacts(deps, scope, image, {
    keys: gives,
    publicImages: todo.give.launch.public,
  });
  const { held, warnings, failed } = await heldGrants(deps, scope, image, facts, now);
  const ungranted = grantees.filter((account) =>
    facts.keys.some(({ keyId }) => !held.some((one) => one.keyId === keyId && one.account === account)),
  );
  const soFar = givenSoFar(await deps.store.get(request.job.id), request.me);
  const found = changedMeanwhile(request, now.state, soFar);
  const given = plusGiven(soFar, givenBy(todo, ungranted));
  return { now, todo, facts, held, failed, given, warnings: [...warnings, ...found] };
}

/** The grants that this service made on the keys of an image; `failed` says why they are not known for now. */
async function heldGrants(
  deps: WorkerDeps,
  scope: Scope,
  { imageId }: Image,
  facts: ImageFacts | Promise<ImageFacts>,
  { foreign }: Permissions,
): Promise<{ held: HeldGrant[]; warnings: Warning[]; failed: unknown }> {
  try {
    const { keys, keyless } = await facts;
    const hidden = keyless.find((id) => !foreign.has(id));
    if (hidden !== undefined) throw keyHidden(scope, hidden);
    return { ...(await readGrants(deps, scope, imageId, keys)), failed: null };
  } catch (error) {
    return { held: [], warnings: [], failed: error };
  }
}

const NO_GRANTS = { held: [], revoke: () => false, grant: [] };

/** What is about to be given is saved first. Before each call it is asked whether it may still be made, and after it whether it should have been. */
async function change(
  deps: WorkerDeps,
  scope: Scope,
  request: ShareRequest,
  one: Try,
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
  await makeAll(deps, scope, request, calls, given);
  const after = await readPermissions(deps, scope, image);
  const rest = differences(asked, after);
  const isThere = isNothing(rest.take) && isNothing(rest.give);
  if (!isThere || !(await namesAllSnapshots(deps, scope, image)))
    return { outcome: 'unsettled', after: after.state };
  const granted = [...held.map(({ account }) => account), ...grantees];
  const named = asked.mode === 'set' ? asked.set : asked.add;
  const lacking = {
    ...(grantees.length > 0 ? { ...named, accounts: [] } : after.state),
    ...(grantees.length > 0 ? {} : { accounts: without(after.state.accounts, granted) }),
  };
  return {
    outcome: 'shared',
    after: after.state,
    warnings: [
      ...left,
      ...keyPolicyNeeded(scope.region, facts.keys, lacking),
      ...autoScalingNeeds(scope.region, facts.keys, named),
    ],
  };
}

/** A PUT revokes the grants of all whom it doesn't name, a PATCH those of the accounts that it removes. */
function losesGrant({ change: asked }: ShareRequest, account: string): boolean {
  if (asked.mode === 'set') return !asked.set.accounts.includes(account);
  return asked.remove.accounts.includes(account);
}

async function makeAll(
  deps: WorkerDeps,
  scope: Scope,
  request: ShareRequest,
  calls: ReturnType<typeof callsFor>,
  given: Given,
): Promise<void> {
  const fence = async () => {
    requireAllowed(deps, request, given);
    await requireStillMine(deps, request);
  };
  await makeCalls(calls, fence, (undo) => readBack(deps, scope, request, undo));
}

/**
 * How long a step tries to read back what it gave, milliseconds: the watchdog gives a step twice as long. Redis may be away for a
 * worker that was paused, since its connections timed out meanwhile.
 */
const READ_BACK_MS = 300_000;

/** @throws {StepOvertaken} where it was not to be given (any more), or not by this step: then it is taken back, unless it is to stay */
async function readBack(
  deps: WorkerDeps,
  scope: Scope,
  request: ShareRequest,
  undo: () => Promise<void>,
): Promise<void> {
  let isOvertaken = false;
  const about = { imageId: request.image.imageId, region: scope.region };
  const trying = {
    patience: READ_BACK_MS,
    isFinal: () => isOvertaken,
    failed: (err: unknown) =>
      deps.logger.warn({ ...about, err }, 'could not read back what was given; trying again'),
  };
  const work = async () => {
    try {
      await requireStillMine(deps, request);
    } catch (error) {
      if (!(error instanceof StepOvertaken)) throw error;
      if (!(await isToStay(deps, scope, request))) await undo();
      isOvertaken = true;
      throw error;
    }
  };
  await keepTrying(trying, work).catch((err: unknown) => {
    if (!isOvertaken)
      deps.logger.error(
        { ...about, err },
        'could not read back what was given: look at the permissions of the image',
      );
    throw err;
  });
}

/** An earlier try, or this one, may have got half way, under the rules of then: that is taken back. */
async function refused(
  deps: WorkerDeps,
  scope: Scope,
  request: ShareRequest,
  reasons: Reason[],
): Promise<ShareOutcome> {
  const after = await takeBack(deps, scope, request);
  if (after === null) throw notTakenBack(scope);
  return { outcome: 'refused', reasons, after };
}

/** What who asked was never authorised to give, or the policy of now doesn't allow (any more). */
class NotAllowed extends Error {
  readonly reasons: Reason[];

  constructor(reasons: Reason[]) {
    super('it is not allowed to give this');
    this.reasons = reasons;
  }
}

/** @throws {NotAllowed} */
function requireAllowed({ policy }: WorkerDeps, request: ShareRequest, given: Given): void {
  const { job, change: asked, mayPublish } = request;
  const sharing = sharingOfGiven({ ...given, grants: granteesOf(asked) });
  const against = againstSharing(policy.current(), job.requestedBy, sharing);
  const reasons: Reason[] = against.map((message) => ({ code: 'policy-withdrawn', message }));
  if (given.public && !mayPublish) {
    const message =
      'the image is not public (any more), and the request was made without the scope amis:publish: ask again with it';
    reasons.push({ code: 'missing-scope', message });
  }
  if (reasons.length > 0) throw new NotAllowed(reasons);
}

function notTakenBack({ region }: Scope): AwsError {
  const message = `it is not allowed (any more) to share the image in ${region}, and it could not be made sure that it is not`;
  return new AwsError('transient', message, 'NotPutBack', null, undefined);
}

function devicesMissing({ region }: Scope, imageId: string): AwsError {
  const message = `EC2 does not name all snapshots of ${imageId} in ${region} yet`;
  return new AwsError('transient', message, 'DevicesMissing', null, undefined);
}

function keyHidden({ region }: Scope, snapshotId: string): AwsError {
  const message = `EC2 does not name the key of ${snapshotId} in ${region}, so the grants on it are not known`;
  return new AwsError('transient', message, 'KeyHidden', null, undefined);
}

/**
 * Takes back what a job gave, grants included, and nothing else: what others gave stays, and what others (or the job)
 * took away is not given again.
 * @returns the permissions as they are then; `null` where that could not be done, or read
 * @throws what may pass: throttling, and a step that another has taken over
 */
export async function takeBack(
  deps: WorkerDeps,
  scope: Scope,
  request: ShareRequest,
): Promise<PermissionState | null> {
  const { image, job, me } = request;
  const awsRequestIds: string[] = [];
  try {
    const given = givenSoFar(await deps.store.get(job.id), me);
    const after = await collectRequestIds(awsRequestIds, () => withdraw(deps, scope, request, given));
    await auditPutBack(deps, request, awsRequestIds, after);
    return after;
  } catch (error) {
    if (error instanceof StepOvertaken || (error instanceof AwsError && error.kind === 'throttled'))
      throw error;
    deps.logger.error(
      { err: error, imageId: image.imageId, region: scope.region },
      'could not take back what was shared',
    );
    await auditPutBack(deps, request, awsRequestIds, null);
    return null;
  }
}

async function withdraw(
  deps: WorkerDeps,
  scope: Scope,
  request: ShareRequest,
  given: Given,
): Promise<PermissionState> {
  const { image } = request;
  const now = await readPermissions(deps, scope, image);
  const { held, failed } =
    given.grants.length === 0
      ? { held: [], failed: null }
      : await heldGrants(deps, scope, image, sharingFacts(deps, scope, image, { keys: false }), now);
  const revoke = (account: string) => given.grants.includes(account);
  const calls = callsFor(deps, scope, image, withdrawal(given, now), [], { held, revoke, grant: [] });
  await makeCalls(
    calls,
    () => requireFirst(deps, request),
    async () => {},
  );
  if (failed !== null) throw failed;
  if (calls.length === 0) return now.state;
  return (await readPermissions(deps, scope, image)).state;
}
