import type { Image, Scope } from '../domain/ami.ts';
import type { Given } from '../domain/given.ts';
import { NOTHING_GIVEN } from '../domain/given.ts';
import type { Job } from '../domain/job.ts';
import { findDestination } from '../domain/job.ts';
import { isNobody, minus } from '../domain/permissions.ts';
import type { ChangeRef } from '../store/change-queues.ts';
import type { SharingDeps } from './deps.ts';
import { requireStillMine, StepOvertaken } from './fence.ts';
import { keepTrying } from './keep-trying.ts';
import type { ShareRequest } from './request.ts';

/**
 * How long a step tries to read back what it gave, milliseconds: the watchdog allows a step twice as long. A paused worker may
 * find Redis away at first, since its connections timed out meanwhile.
 */
const READ_BACK_MS = 300_000;

/** What {@link readBack} checks. */
interface Check {
  image: Pick<Image, 'imageId' | 'region'>;
  /** The fence of the call. @throws {StepOvertaken} */
  fence: () => Promise<void>;
  /** Whether what an overtaken step gave is to stay nevertheless. */
  isToStay: () => Promise<boolean>;
}

/** {@link readBack} after a call of a change of permissions. */
export function readBackShare(
  deps: SharingDeps,
  scope: Scope,
  request: ShareRequest,
  undo: () => Promise<void>,
): Promise<void> {
  const fence = () => requireStillMine(deps, request);
  const isToStay = () => isShareToStay(deps, scope, request);
  return readBack(deps, { image: request.image, fence, isToStay }, undo);
}

/**
 * Makes the check of the fence once more, after a call that gave access. What should not have been given (any more), or not by
 * this step, is taken back, unless it is to stay.
 * @param undo takes back what the call gave
 * @throws {StepOvertaken}
 */
export async function readBack(
  { logger }: Pick<SharingDeps, 'logger'>,
  { image: { imageId, region }, fence, isToStay }: Check,
  undo: () => Promise<void>,
): Promise<void> {
  let isOvertaken = false;
  const about = { imageId, region };
  const trying = {
    patience: READ_BACK_MS,
    isFinal: () => isOvertaken,
    failed: (err: unknown) =>
      logger.warn({ ...about, err }, 'could not read back what was given; trying again'),
  };
  const work = async () => {
    try {
      await fence();
    } catch (error) {
      if (!(error instanceof StepOvertaken)) throw error;
      if (!(await isToStay())) await undo();
      isOvertaken = true;
      throw error;
    }
  };
  await keepTrying(trying, work).catch((err: unknown) => {
    if (!isOvertaken)
      logger.error(
        { ...about, err },
        'could not read back what was given: look at the permissions of the image',
      );
    throw err;
  });
}

/** What a change gave so far, according to its record. */
export function givenSoFar(job: Job | null, { destination }: ChangeRef): Given {
  if (job?.kind === 'permissions') return job.given ?? NOTHING_GIVEN;
  if (job === null || destination === null) return NOTHING_GIVEN;
  return findDestination(job, destination)?.given ?? NOTHING_GIVEN;
}

/**
 * Whether what an overtaken step has just given is to stay: its job succeeded nevertheless, and no later change of the image
 * has taken it away.
 */
async function isShareToStay(
  deps: SharingDeps,
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

/** The latest changes of an image. It reads several pages, because a page of the store may be short without being the last. */
async function latestChanges(store: SharingDeps['store'], imageId: string): Promise<Job[]> {
  const found: Job[] = [];
  for (let cursor: string | null | undefined; cursor !== null && found.length < LATEST;) {
    const from = cursor === undefined ? {} : { cursor };
    const page = await store.list({ kind: 'permissions', imageId, limit: LATEST, ...from });
    found.push(...page.jobs);
    cursor = page.nextCursor;
  }
  return found;
}

/** When the job succeeded; `null` where it did not. */
function endOf(job: Job, { destination }: ChangeRef): number | null {
  if (job.kind === 'permissions') return job.state === 'succeeded' ? job.finishedAt : null;
  const one = destination === null ? undefined : findDestination(job, destination);
  return one?.state === 'succeeded' ? one.finishedAt : null;
}
