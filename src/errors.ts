/**
 * The registry of all errors, by a stable code that callers may match on.
 *
 * `status` is the HTTP status when the error answers a request; `retryable` says whether the same
 * call may succeed later without a change; `title` is the RFC 9457 title.
 * docs/errors.md lists the same codes, and a test compares the two.
 */
export const ERRORS = {
  'validation-failed': { status: 400, retryable: false, title: 'The request is not valid' },
  'invalid-json': { status: 400, retryable: false, title: 'The body is not valid JSON' },
  'bad-request': { status: 400, retryable: false, title: 'The request is malformed' },
  'unknown-region': { status: 400, retryable: false, title: 'No such region' },
  'unknown-account': { status: 400, retryable: false, title: 'The account is not configured' },
  'invalid-cursor': { status: 400, retryable: false, title: 'The cursor is not one that this service gave' },
  unauthenticated: { status: 401, retryable: false, title: 'Credentials are missing or not valid' },
  'missing-scope': { status: 403, retryable: false, title: 'The credentials lack a scope' },
  'outside-policy': { status: 403, retryable: false, title: 'The policy does not allow it' },
  'not-found': { status: 404, retryable: false, title: 'No such route' },
  'image-not-found': { status: 404, retryable: false, title: 'No such image' },
  'job-not-found': { status: 404, retryable: false, title: 'No such job' },
  'account-not-found': { status: 404, retryable: false, title: 'No such account' },
  'delivery-not-found': { status: 404, retryable: false, title: 'The job has no such delivery' },
  'method-not-allowed': { status: 405, retryable: false, title: 'That method is not allowed here' },
  'request-timeout': { status: 408, retryable: true, title: 'The request came in too slowly' },
  'job-finished': { status: 409, retryable: false, title: 'The job has already finished' },
  'nothing-to-retry': { status: 409, retryable: false, title: 'No destination of the job has failed' },
  'idempotency-key-in-progress': {
    status: 409,
    retryable: true,
    title: 'The first request with that Idempotency-Key is still being answered',
  },
  'idempotency-key-reused': {
    status: 422,
    retryable: false,
    title: 'That Idempotency-Key was used for another request',
  },
  'job-running': {
    status: 409,
    retryable: true,
    title: 'The job is at work and can not be stopped or retried now',
  },
  superseded: { status: 409, retryable: false, title: 'A later change takes away what this one gives' },
  'body-too-large': { status: 413, retryable: false, title: 'The body is over 64 KiB' },
  'unsupported-media-type': { status: 415, retryable: false, title: 'The body must be application/json' },
  'unknown-destination': { status: 422, retryable: false, title: 'The job has no such destination' },
  'image-not-available': { status: 422, retryable: false, title: 'The image can not be copied in its state' },
  'region-not-enabled': { status: 422, retryable: false, title: 'The account has not enabled the region' },
  'other-partition': {
    status: 422,
    retryable: false,
    title: 'AWS partitions are separate from each other',
  },
  'foreign-product-codes': {
    status: 422,
    retryable: false,
    title: "Another account's image with product codes can not be copied",
  },
  'source-not-shared': {
    status: 422,
    retryable: false,
    title: 'The account of a copy does not see the source',
  },
  'foreign-snapshot': {
    status: 422,
    retryable: false,
    title: 'A snapshot of the image is of another account',
  },
  'same-region': { status: 422, retryable: false, title: 'The image is in that region already' },
  'encryption-cannot-be-removed': {
    status: 422,
    retryable: false,
    title: 'An encrypted image can not be copied unencrypted',
  },
  'rate-limited': { status: 429, retryable: true, title: 'Too many requests' },
  'headers-too-large': { status: 431, retryable: false, title: 'The headers are over 16 KiB' },
  'aws-managed-key': { status: 422, retryable: false, title: 'Encrypted under a key that can not be shared' },
  'public-and-encrypted': { status: 422, retryable: false, title: 'An encrypted image can not be public' },
  'public-with-product-codes': {
    status: 422,
    retryable: false,
    title: 'An image with product codes can not be public',
  },
  'public-access-blocked': { status: 422, retryable: false, title: 'Block public access is on' },
  'too-many-public-images': {
    status: 422,
    retryable: false,
    title: 'Over the quota of public images',
  },
  'too-many-sharees': { status: 422, retryable: false, title: 'Over the quota of sharees' },
  'not-image-owner': { status: 422, retryable: false, title: "Another account's image can not be shared" },
  'key-required': {
    status: 422,
    retryable: false,
    title: 'An encrypted copy to be shared needs a named key',
  },
  'key-not-found': { status: 422, retryable: false, title: 'No such KMS key in the region' },
  'key-not-usable': { status: 422, retryable: false, title: 'The KMS key can not encrypt an image' },
  'webhooks-off': { status: 422, retryable: false, title: 'This service sends no webhooks' },
  'webhook-refused': { status: 422, retryable: false, title: 'Webhooks may not be sent to that endpoint' },
  'too-many-streams': { status: 429, retryable: true, title: 'Too many event streams are open' },
  'internal-error': { status: 500, retryable: true, title: 'Something went wrong in this service' },
  'ec2-access-denied': { status: 502, retryable: false, title: "EC2 refused this service's credentials" },
  'ec2-error': { status: 502, retryable: false, title: 'EC2 refused the call' },
  'redis-unavailable': { status: 503, retryable: true, title: 'Redis can not be reached' },
  'record-too-new': {
    status: 503,
    retryable: true,
    title: 'A newer version of this service wrote the job',
  },
  'keys-unavailable': { status: 503, retryable: true, title: 'The keys to check tokens can not be read' },
  overloaded: { status: 503, retryable: true, title: 'The service is overloaded' },
  'ec2-throttled': { status: 503, retryable: true, title: 'EC2 throttles this account' },
  'account-not-reachable': {
    status: 503,
    retryable: true,
    title: "The account does not take this service's credentials",
  },
  'ec2-unavailable': { status: 503, retryable: true, title: 'EC2 does not answer' },

  // Only errors of a destination: they appear in a job, never as an HTTP answer.
  'copy-failed': { status: 422, retryable: true, title: 'EC2 could not complete the copy' },
  'hub-failed': {
    status: 422,
    retryable: true,
    title: 'The copy that this one was to be made of has failed',
  },
  'copy-disappeared': { status: 422, retryable: true, title: 'The copy disappeared before it was available' },
  'copy-ambiguous': { status: 422, retryable: false, title: 'Several images carry the tags of one copy' },
  'source-gone': { status: 422, retryable: false, title: 'The source image is gone' },
  'policy-withdrawn': { status: 422, retryable: false, title: 'The policy no longer allows it' },
  'removal-refused': { status: 422, retryable: false, title: 'EC2 refuses to remove the copy' },
  'rolled-back': { status: 422, retryable: true, title: 'Removed because another destination failed' },
} as const satisfies Record<string, { status: number; retryable: boolean; title: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** EC2's own message about a failure, kept so that an engineer can take it to AWS support. */
export interface AwsDetail {
  awsCode: string | null;
  awsRequestId: string | null;
}

/** One fault in a request: a JSON pointer into it, and what is wrong there. */
export interface FieldError {
  pointer: string;
  message: string;
}

/** An error with a code of the registry. `message` says what failed and what to do next. */
export class AmiferryError extends Error {
  readonly code: ErrorCode;
  readonly aws: AwsDetail | null;
  readonly errors: FieldError[] | null;

  constructor(
    code: ErrorCode,
    message: string,
    more: { aws?: AwsDetail; errors?: FieldError[]; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    this.name = 'AmiferryError';
    this.code = code;
    this.aws = more.aws ?? null;
    this.errors = more.errors ?? null;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

/** A setting that is invalid: the message names it, its value and what the value has to be. */
export class ConfigError extends Error {}
