import { tagsOfCopy } from '../domain/copy-tags.ts';
import type { CopyJob, Destination } from '../domain/job.ts';
import { destinationKey, destinationScope } from '../domain/job.ts';
import { nextStep } from '../domain/next-step.ts';
import { fail, succeed } from '../domain/transitions.ts';
import { Ec2Error } from '../ec2/classify.ts';
import type { DestinationPayload } from '../queue/jobs.ts';
import { changeCopy } from './change-job.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import { failureOf, mayPass } from './failure.ts';
import { readCopy } from './read-copy.ts';

/** Finishes an available copy: tags what came without its tags, then calls it succeeded. Converges when run twice. */
export async function finishCopy(deps: WorkerDeps, ref: DestinationPayload): Promise<StepOutcome> {
  const copy = await readCopy(deps, ref);
  if (copy === null) return DONE;
  const { job, destination } = copy;
  if (nextStep(destination) !== 'finish-copy') return DONE;
  try {
    await addTags(deps, job, destination);
  } catch (error) {
    if (!(error instanceof Ec2Error)) throw error;
    return afterError(deps, job, destination, error);
  }
  await changeCopy(deps, job.id, succeed(ref.destination));
  return DONE;
}

async function addTags(deps: WorkerDeps, job: CopyJob, destination: Destination): Promise<void> {
  if (destination.untagged.length === 0) return;
  await deps.gateway.createTags(
    destinationScope(destination),
    destination.untagged,
    tagsOfCopy(job, destination),
  );
}

async function afterError(
  deps: WorkerDeps,
  job: CopyJob,
  destination: Destination,
  error: Ec2Error,
): Promise<StepOutcome> {
  const elapsed = deps.store.now() - (destination.availableAt ?? 0);
  if (error.kind === 'throttled' || (mayPass(error) && elapsed < deps.settings.retryMs)) {
    return { outcome: 'again', why: error.message };
  }
  const failure = failureOf(error);
  const message = `${destination.imageId} is available and kept, but could not be finished: ${failure.message}`;
  await changeCopy(deps, job.id, fail(destinationKey(destination), { ...failure, message }));
  return DONE;
}
