import type { Scope } from '../domain/ami.ts';
import type { Given } from '../domain/given.ts';
import { NOTHING_GIVEN } from '../domain/given.ts';
import type { Job } from '../domain/job.ts';
import { findDestination } from '../domain/job.ts';
import { nextStep } from '../domain/next-step.ts';
import { isNobody, minus } from '../domain/permissions.ts';
import type { ChangeRef } from '../store/store.ts';
import type { WorkerDeps } from './deps.ts';
import { isFirstInQueue } from './first-in-queue.ts';
import type { ShareRequest } from './share-request.ts';
import { StepOvertaken } from './step-overtaken.ts';

/** What a change gave so far, by its record. */
export function givenSoFar(job: Job | null, { destination }: ChangeRef): Given {
  if (job?.kind === 'permissions') return job.given ?? NOTHING_GIVEN;
  if (job === null || destination === null) return NOTHING_GIVEN;
  return findDestination(job, destination)?.given ?? NOTHING_GIVEN;
}

/**
 * A worker that was paused goes on in the middle of what another has taken over and ended, or of what a later change
 * overtakes; the version check keeps it from the record, and this from EC2. @throws {StepOvertaken}
 */
export async function requireStillMine(deps: WorkerDeps, request: ShareRequest): Promise<void> {
  await requireFirst(deps, request);
  const now = await deps.store.get(request.job.id);
  if (now !== null && mayGive(now, request.me)) return;
  throw new StepOvertaken(`job ${request.job.id} was ended by another worker`);
}

/** It is the first in the wait queue of its image, and so not finished. @throws {StepOvertaken} */
export async function requireFirst(deps: WorkerDeps, { job, me, image }: ShareRequest): Promise<void> {
  if (await isFirstInQueue(deps, image, image.imageId, me)) return;
  throw new StepOvertaken(`job ${job.id} was ended by another worker, or another change comes first`);
}

function mayGive(job: Job, { destination }: ChangeRef): boolean {
  if (job.kind === 'permissions') return job.state === 'running' && !job.stopping;
  const one = destination === null ? undefined : findDestination(job, destination);
  return one !== undefined && nextStep(one) === 'finish-copy' && !one.supersededBy;
}

/**
 * Whether what an overtaken step has just given is to stay: its job succeeded all the same, and no later change of the
 * image has taken it away.
 */
export async function isToStay(
  deps: WorkerDeps,
  { account, region }: Scope,
  request: ShareRequest,
): Promise<boolean> {
  const now = await deps.store.get(request.job.id);
  const ended = now === null ? null : endOf(now, request.me);
  if (ended === null) return false;
  const jobs = await latestChanges(deps.store, request.image.imageId);
  const later = jobs.filter(
    (job) => job.image.account === account && job.image.region === region && job.id !== request.job.id,
  );
  const given = givenSoFar(now, request.me);
  return later.every((job) => {
    if (job.kind !== 'permissions' || (job.finishedAt !== null && job.finishedAt < ended)) return true;
    return job.state === 'queued' || (job.after !== null && isNobody(minus(given, job.after)));
  });
}

const LATEST = 20;

/** The latest changes of an image: a page of the store may be shorter than it might be. */
async function latestChanges(store: WorkerDeps['store'], imageId: string): Promise<Job[]> {
  const found: Job[] = [];
  for (let cursor: string | null | undefined; cursor !== null && found.length < LATEST;) {
    const from = cursor === undefined ? {} : { cursor };
    const page = await store.list({ kind: 'permissions', imageId, limit: LATEST, ...from });
    found.push(...page.jobs);
    cursor = page.nextCursor;
  }
  return found;
}

/** When it succeeded; `null` where it didn't. */
function endOf(job: Job, { destination }: ChangeRef): number | null {
  if (job.kind === 'permissions') return job.state === 'succeeded' ? job.finishedAt : null;
  const one = destination === null ? undefined : findDestination(job, destination);
  return one?.state === 'succeeded' ? one.finishedAt : null;
}
