import type { Failure } from '../domain/job.ts';
import { Ec2Error } from '../ec2/classify.ts';
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
): error is Ec2Error & { kind: 'throttled' | 'transient' | 'credentials' } {
  return error instanceof Ec2Error && PASSING.has(error.kind);
}

const PASSING: ReadonlySet<Ec2Error['kind']> = new Set(['throttled', 'transient', 'credentials']);

/** Whether the account does not take the service's credentials: no fact about what was asked. */
export function isCredentials(error: unknown): error is Ec2Error & { kind: 'credentials' } {
  return error instanceof Ec2Error && error.kind === 'credentials';
}
