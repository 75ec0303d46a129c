import type { CopyRef, Failure } from '../domain/job.ts';
import { findDestination, isFinished } from '../domain/job.ts';
import { unreachable } from '../domain/transitions.ts';
import type { AwsError } from '../aws/aws-error.ts';
import { changeCopy } from './change-job.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';
import { DONE } from './deps.ts';
import { failureOf, isCredentials } from './failure.ts';

/**
 * The account refuses the service's credentials, or does not let it describe its copies. That says nothing about the image: the
 * step waits and logs a warning, and nothing is rolled back. It ends with `account-not-reachable` after CREDENTIALS_SECONDS,
 * counted by the destination's own times.
 */
export async function waitForAccount(
  deps: WorkerDeps,
  jobId: string,
  ref: CopyRef,
  error: AwsError,
): Promise<StepOutcome> {
  const { outcome, ...result } = await changeCopy(
    deps,
    jobId,
    unreachable(ref, deps.settings.credentialsMs, failuresFor(deps, ref, error)),
  );
  const job = outcome === 'changed' && 'job' in result ? result.job : null;
  const one = job?.kind === 'copy' ? findDestination(job, ref.destination) : undefined;
  if (one !== undefined && isFinished(one)) return DONE;
  const why = isCredentials(error)
    ? 'the account does not take the credentials'
    : 'the account does not let this service look';
  deps.logger.warn(
    { job: jobId, destination: ref.destination, awsCode: error.awsCode },
    `${why}; the step waits`,
  );
  return { outcome: 'again', why: error.message };
}

/** The errors that the destination shows while it waits, and when it has waited too long. */
function failuresFor(
  { settings }: WorkerDeps,
  ref: CopyRef,
  error: AwsError,
): { waiting: Failure; error: Failure } {
  const failure = failureOf(error, 'account-not-reachable');
  const image = 'imageId' in ref ? `${ref.imageId} was left as it is. ` : '';
  const minutes = Math.round(settings.credentialsMs / 60_000);
  const why = isCredentials(error)
    ? "has not taken this service's credentials"
    : 'has not let this service look at its copies';
  const message = `for ${minutes} minutes the account ${why}: ${error.message} ${image}POST …/retry resumes once that works.`;
  const meanwhile = `${error.message} The copy waits, for up to ${minutes} minutes, and continues by itself.`;
  return { waiting: { ...failure, message: meanwhile }, error: { ...failure, message } };
}
