import type { Failure } from '../domain/job.ts';
import type { WorkerDeps } from './deps.ts';
import { AwsError, PASSING } from '../aws/aws-error.ts';
import type { ErrorCode } from '../errors.ts';
import { AmiferryError, ERRORS } from '../errors.ts';

/** A destination's error as its record keeps it; `code` replaces EC2's own code where that is not specific enough. */
export function failureOf(error: AmiferryError, code: ErrorCode = error.code): Failure {
  return {
    code,
    message: error.message,
    retryable: ERRORS[code].retryable || error.retryable,
    awsCode: error.aws?.awsCode ?? null,
    awsRequestId: error.aws?.awsRequestId ?? null,
  };
}

/** A failure that EC2 reported in a description, not as the error of a call. */
export function failureBecause(code: ErrorCode, message: string): Failure {
  return { code, message, retryable: ERRORS[code].retryable, awsCode: null, awsRequestId: null };
}

/** Whether a call that failed so may be retried. */
export function mayPass(
  error: unknown,
): error is AwsError & { kind: 'throttled' | 'transient' | 'credentials' } {
  return error instanceof AwsError && PASSING.has(error.kind);
}

/** Whether the account refuses the service's credentials. That says nothing about the resource of the call. */
export function isCredentials(error: unknown): error is AwsError & { kind: 'credentials' } {
  return error instanceof AwsError && error.kind === 'credentials';
}

/** When a wait for EC2 began, epoch milliseconds of the shared clock. */
export interface Wait {
  since: number;
  /** When it was last held up by throttling or credentials. The time until then does not count for other errors. */
  heldUpAt?: number | null | undefined;
}

type Clock = Pick<WorkerDeps, 'store' | 'settings'>;

/** EC2 may throttle a step for this many times RETRY_SECONDS before the step fails. */
const THROTTLED = 4;

/** Whether a step may be retried: for RETRY_SECONDS since its wait began, or since it was last held up. */
export function isInTime({ store, settings }: Clock, { since, heldUpAt }: Wait): boolean {
  const { retryMs, credentialsMs } = settings;
  const now = store.now();
  return now - Math.max(since, heldUpAt ?? 0) < retryMs && now - since < credentialsMs + THROTTLED * retryMs;
}

/** Whether a throttled step may be retried: for that many times RETRY_SECONDS since its wait began. */
export function mayBeThrottled({ store, settings }: Clock, { since }: Wait): boolean {
  return store.now() - since < THROTTLED * settings.retryMs;
}

export function isThrottled(error: unknown): error is AwsError & { kind: 'throttled' } {
  return error instanceof AwsError && error.kind === 'throttled';
}

/** Whether an error starts, continues or ends a hold-up. The time of it is then saved, so that it does not count for other errors. */
export function isHeldUp(one: { unreachableSince?: number | null }, error: unknown): boolean {
  return isThrottled(error) || typeof one.unreachableSince === 'number';
}

/** Whether a step may be retried after an error. Refused credentials have a deadline of their own. */
export function mayTryAgain(clock: Clock, wait: Wait, error: unknown): boolean {
  if (isThrottled(error)) return mayBeThrottled(clock, wait);
  return mayPass(error) && isInTime(clock, wait);
}
