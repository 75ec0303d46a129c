import { waitsForSource } from '../domain/holds.ts';
import { attemptRef } from '../domain/job.ts';
import { isFresh, nextStep } from '../domain/next-step.ts';
import { aboutJob, noteInLog, withLogContext } from '../logging/log-context.ts';
import type { JobPayload } from '../queue/jobs.ts';
import { backoff } from '../domain/backoff.ts';
import { reserveAndStart } from './reserve-and-start.ts';
import { callCopyImage } from './call-copy-image.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import { inSpan } from './in-trace.ts';
import type { CopyInHand } from './read-copy.ts';

/**
 * Answers that come within this many milliseconds are saved together, so that writes do not delay the calls that are still to
 * be made.
 */
const TOGETHER_MS = 50;

/**
 * Starts all copies of a new job at once: one write saves every intent, then the calls are made concurrently. A destination
 * that this does not settle continues in a `start-copy` step of its own, so that no region delays another.
 */
export async function startCopies(deps: WorkerDeps, { jobId }: JobPayload): Promise<StepOutcome> {
  const job = await deps.store.get(jobId);
  if (job?.kind !== 'copy') return DONE;
  noteInLog(aboutJob(job));
  if (waitsForSource(job)) return DONE;
  // An earlier run of this step saved these intents, and ended before it saved the results.
  const left = job.destinations.filter(
    (one) => one.spec.hub === undefined && nextStep(one) === 'start-copy' && !isFresh(one),
  );
  await deps.producer.wake(left.map((one) => ({ step: 'start-copy', jobId, ...attemptRef(one) })));
  const begun = await reserveAndStart(deps, job, job.destinations.filter(isFresh));
  const answered = together(begun.length);
  const calls = begun.map((copy) => call(deps, copy, answered));
  for (const one of await Promise.allSettled(calls)) if (one.status === 'rejected') throw one.reason;
  return DONE;
}

/** May be called repeatedly. Each call waits for the last answer, but for {@link TOGETHER_MS} at most from now on. */
function together(count: number): () => Promise<void> {
  const all = Promise.withResolvers<void>();
  const timer = setTimeout(all.resolve, TOGETHER_MS);
  let left = count;
  return () => {
    left -= 1;
    if (left === 0) {
      clearTimeout(timer);
      all.resolve();
    }
    return all.promise;
  };
}

/** Like a `start-copy` step of its own: a log line and a span name the destination. */
async function call(deps: WorkerDeps, copy: CopyInHand, answered: () => Promise<void>): Promise<void> {
  const { job, destination } = copy;
  const payload = { jobId: job.id, ...attemptRef(destination) };
  const about = { step: 'start-copy', ...aboutJob(job, payload.destination) };
  await withLogContext(about, async () => {
    const outcome = await inSpan(deps, 'start-copy', payload, () =>
      callCopyImage(deps, job, destination, { fresh: true, answered }),
    );
    if (outcome.outcome === 'done') return;
    const delay = outcome.delayMs ?? backoff(1);
    deps.logger.info({ delay, why: outcome.why }, 'step will be repeated');
    await deps.producer.wakeLater({ step: 'start-copy', ...payload }, delay);
  });
}
