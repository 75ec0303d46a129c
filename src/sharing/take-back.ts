import type { Scope } from '../domain/ami.ts';
import type { Given } from '../domain/given.ts';
import type { PermissionState } from '../domain/permissions.ts';
import { AwsError } from '../aws/aws-error.ts';
import { collectRequestIds } from '../aws/request-ids.ts';
import { auditPutBack } from './audit.ts';
import { callsFor, makeCalls } from './converge.ts';
import type { SharingDeps } from './deps.ts';
import { touchedBy, withdrawal } from './differences.ts';
import { sharingFacts } from './facts.ts';
import { requireFirst, StepOvertaken } from './fence.ts';
import { heldGrants } from './plan.ts';
import { readPermissions, readTouched } from './read.ts';
import { givenSoFar } from './read-back.ts';
import type { ShareRequest } from './request.ts';

/**
 * Takes back what a job gave, grants included, and nothing else: what others gave stays, and what others (or the job) took away
 * is not given again.
 * @returns the permissions after that; `null` where the withdrawal failed, or the permissions could not be read
 * @throws {AwsError} throttling, which may be retried
 * @throws {StepOvertaken} where another worker has taken the step over
 */
export async function takeBack(
  deps: SharingDeps,
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
  deps: SharingDeps,
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
  const todo = withdrawal(given, now);
  const calls = callsFor(deps, scope, image, todo, [], { held, revoke, grant: [] });
  await makeCalls(
    calls,
    () => requireFirst(deps, request),
    async () => {},
  );
  if (failed !== null) throw failed;
  return (await readTouched(deps, scope, image, now, touchedBy(todo))).state;
}
