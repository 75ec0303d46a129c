import type { Failure } from '../domain/job.ts';
import type { WorkerDeps } from './deps.ts';
import { AwsError, PASSING } from '../aws/aws-error.ts';
import type { ErrorCode } from '../errors.ts';
import { AmiferryError, ERRORS } from '../errors.ts';

/** A destination's error as its record keeps it; `code` where EC2's own doesn't say enough. */
export function failureOf(error: AmiferryError, code: ErrorCode = error.code): Failure {
  return {
    code,
    message: error.message,
    retryable: ERRORS[code].retryable || error.retryable,
    awsCode: error.aws?.awsCode ?? null,
    awsRequestId: error.aws?.awsRequestId ?? null,
  };
}

/** A failure that no call of ours met: EC2 told it in what it describes. */
export function failureBecause(code: ErrorCode, message: string): Failure {
  return { code, message, retryable: ERRORS[code].retryable, awsCode: null, awsRequestId: null };
}

/** Whether a call that failed so may simply be made again. */
export function mayPass(
  error: unknown,
): error is AwsError & { kind: 'throttled' | 'transient' | 'credentials' } {
  return error instanceof AwsError && PASSING.has(error.kind);
}

/** Whether the account does not take the service's credentials: no fact about what was asked. */
export function isCredentials(error: unknown): error is AwsError & { kind: 'credentials' } {
  return error instanceof AwsError && error.kind === 'credentials';
}

/** When a wait for EC2 began, epoch milliseconds of the shared clock. */
export interface Wait {
  since: number;
  /** When it was last held up by throttling or credentials: the time until then does not count for other errors. */
  heldUpAt?: number | null | undefined;
}

type Clock = Pick<WorkerDeps, 'store' | 'settings'>;

/** So many times RETRY_SECONDS EC2 may throttle a step before it ends. */
const THROTTLED = 4;

/** Whether a step may be tried again: for RETRY_SECONDS since its wait began, or since it was last held up. */
export function isInTime({ store, settings }: Clock, { since, heldUpAt }: Wait): boolean {
  const { retryMs, credentialsMs } = settings;
  const now = store.now();
  return now - Math.max(since, heldUpAt ?? 0) < retryMs && now - since < credentialsMs + THROTTLED * retryMs;
}

/** Whether a step that EC2 throttles may be tried again: for so many times RETRY_SECONDS since its wait began. */
export function mayBeThrottled({ store, settings }: Clock, { since }: Wait): boolean {
  return store.now() - since < THROTTLED * settings.retryMs;
}

export function isThrottled(error: unknown): error is AwsError & { kind: 'throttled' } {
  return error instanceof AwsError && error.kind === 'throttled';
}

/** Whether an error ends what held a step up, or goes on with it: that is written down, so that its time does not count. */
export function isHeldUp(one: { unreachableSince?: number | null }, error: unknown): boolean {
  return isThrottled(error) || typeof one.unreachableSince === 'number';
}

/** Whether a step that met an error is to be tried again. Credentials have a deadline of their own. */
export function mayTryAgain(clock: Clock, wait: Wait, error: unknown): boolean {
  if (isThrottled(error)) return mayBeThrottled(clock, wait);
  return mayPass(error) && isInTime(clock, wait);
}
