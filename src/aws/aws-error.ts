import type { ErrorCode } from '../errors.ts';
import { AmiferryError } from '../errors.ts';
import type { AwsErrorKind, AwsService, Meaning } from './error-codes.ts';
import { meaningOf, SERVICE_ERRORS } from './error-codes.ts';

/** A transient condition, which may end by itself or once credentials work. It says nothing about the resource of the call. */
export const PASSING: ReadonlySet<AwsErrorKind> = new Set(['throttled', 'transient', 'credentials']);

/** How an error that is not handled answers an HTTP request. */
const CODES: Record<AwsErrorKind, ErrorCode> = {
  throttled: 'ec2-throttled',
  transient: 'ec2-unavailable',
  slots: 'ec2-throttled',
  missing: 'ec2-error',
  credentials: 'account-not-reachable',
  denied: 'ec2-access-denied',
  refused: 'ec2-error',
};

/**
 * A failed call of an AWS service, classified. `message` names the operation, the region, AWS's message and what to do. Callers
 * read it, so it contains nothing of this service's own identity and network. `cause` has everything, for the log.
 */
export class AwsError extends AmiferryError {
  readonly kind: AwsErrorKind;
  readonly awsCode: string;
  /** How many tries the SDK had made when it gave up: the effect of an earlier try is unknown. */
  readonly tries: number;

  constructor(
    kind: AwsErrorKind,
    message: string,
    awsCode: string,
    awsRequestId: string | null,
    cause: unknown,
    tries = 1,
  ) {
    super(CODES[kind], message, { aws: { awsCode, awsRequestId }, cause });
    this.name = 'AwsError';
    this.kind = kind;
    this.awsCode = awsCode;
    this.tries = tries;
  }
}

/** A call that was not made, since EC2 would refuse it: the call budget has none left for `wait` milliseconds. */
export function heldBack(operation: string, region: string, wait: number): AwsError {
  const message = `${operation} in ${region} waits ${wait} ms: this service has called it there as often as EC2 allows. It is tried again by itself.`;
  return new AwsError('throttled', message, 'RequestLimitExceeded', null, undefined);
}

/** The parts of an SDK error that matter here; a failed connection has only a name. */
interface SdkError {
  name: string;
  message: string;
  $metadata?: { requestId?: string; httpStatusCode?: number; attempts?: number };
}

/** Turns any error that the SDK throws into an {@link AwsError}: by the service's own codes, the common codes, or the status. */
export function classify(error: unknown, service: AwsService, operation: string, region: string): AwsError {
  if (error instanceof AwsError) return error;
  const { name, message, $metadata } = asSdkError(error);
  const { kind, advice }: Meaning = meaningOf(service, name, operation, message) ?? {
    kind: kindByStatus(service, name, $metadata?.httpStatusCode),
  };
  const next = advice ?? SERVICE_ERRORS[service].advice?.[kind] ?? '';
  const words = `${operation} in ${region}: ${name}: ${discreet(message).replace(/\.?$/, '.')} ${next}`;
  const { requestId = null, attempts = 1 } = $metadata ?? {};
  return new AwsError(kind, words.trimEnd(), name, requestId, error, attempts);
}

/**
 * Removes what callers must not see: EC2 names the role that it refuses and adds text that only DecodeAuthorizationMessage can
 * read; Node names the address.
 */
function discreet(message: string): string {
  return message
    .replace(/\s+/g, ' ')
    .replaceAll(/\barn:aws[a-z-]*:(?:iam|sts)::\d{12}:[^\s,;]*[^\s,;.]/g, 'this service')
    .replace(/\s*Encoded authorization failure message: \S+/i, '')
    .replace(/\b(connect|getaddrinfo|read|write) (E[A-Z_]+)\b.*/, '$1 $2');
}

/** AWS's codes are words in camel case, some with a dot. */
const AWS_CODE = /^[A-Z][A-Za-z]+(?:\.[A-Za-z]+)*$/;
/**
 * The SDK's name for an answer without a code. Such an answer is not AWS's own, but that of a firewall, a proxy or a broken
 * connection.
 */
const NO_CODE: ReadonlySet<string> = new Set([
  'Error',
  'Unknown',
  'UnknownError',
  'SyntaxError',
  'TypeError',
]);

/**
 * No status means that there was no answer: a time-out, a reset, a name that did not resolve. A status of success means that
 * the answer was incomplete, or not AWS's.
 */
function kindByStatus(service: AwsService, name: string, status: number | undefined): AwsErrorKind {
  if (status === 429) return 'throttled';
  if (NO_CODE.has(name) || !AWS_CODE.test(name)) return 'transient';
  if (status === 403) return SERVICE_ERRORS[service].forbidden ?? 'refused';
  return status === undefined || status < 300 || status >= 500 ? 'transient' : 'refused';
}

function asSdkError(error: unknown): SdkError {
  return error instanceof Error ? error : { name: 'Unknown', message: String(error) };
}
