import { slotLimitIn } from '../domain/slot-limits.ts';
import type { ErrorCode } from '../errors.ts';
import { AmiferryError } from '../errors.ts';

/**
 * What a failed EC2 call means for the one who made it:
 * - `throttled`: wait and call again, for as long as it takes; it uses up no attempt
 * - `transient`: call again with the same token, within limits
 * - `slots`: the region makes as many copies at once as it may: wait for a slot
 * - `missing`: the resource isn't there (any more, or yet)
 * - `credentials`: the account does not take the service's credentials at the moment; wait, for it says nothing of what was asked
 * - `denied`: the service's own credentials don't suffice; nothing changes until an operator changes them
 * - `refused`: this call will never succeed as it is
 */
export type AwsErrorKind =
  | 'throttled'
  | 'transient'
  | 'slots'
  | 'missing'
  | 'credentials'
  | 'denied'
  | 'refused';

/** What may pass, by itself or once credentials work: no fact about what was asked. */
export const PASSING: ReadonlySet<AwsErrorKind> = new Set(['throttled', 'transient', 'credentials']);

interface Meaning {
  kind: AwsErrorKind;
  /** What an engineer should do next, as a sentence. */
  advice?: string;
}

const OVER_LIMIT = 'It is tried again by itself.';
const QUOTA = 'A quota of the account in that region is reached: remove something, or have AWS raise it.';
const PUBLIC_QUOTA =
  'Make another public image of the account there private, or have AWS raise the quota of public AMIs in that region (it counts those in the Recycle Bin too).';
const SHAREE_QUOTA =
  'Share with an organization or unit instead of its accounts, or have AWS raise the quota of sharees of an AMI.';
const PRODUCTS =
  'Launch an instance of the image in this account, create an image of the instance, and copy that: no key and no share helps.';
const CREDENTIALS = "Check the service's credentials and its IAM policy (docs/iam.md).";
const RENEW = "Check the service's credentials: they are missing, expired or not accepted (docs/iam.md).";

/**
 * EC2's error codes that are classified; any other 4xx is `refused`, any other 5xx `transient`. docs/ec2-errors.md
 * shows this table, and a test holds the two together.
 */
export const EC2_ERRORS: Readonly<Record<string, Meaning>> = {
  RequestLimitExceeded: { kind: 'throttled', advice: OVER_LIMIT },
  Throttling: { kind: 'throttled', advice: OVER_LIMIT },
  ThrottlingException: { kind: 'throttled', advice: OVER_LIMIT },
  ResourceLimitExceeded: { kind: 'slots', advice: OVER_LIMIT },
  InternalError: { kind: 'transient' },
  InternalFailure: { kind: 'transient' },
  Unavailable: { kind: 'transient' },
  ServiceUnavailable: { kind: 'transient' },
  'InvalidAMIID.NotFound': {
    kind: 'missing',
    advice: 'It was deregistered, or is not visible to this account.',
  },
  'InvalidAMIID.Unavailable': { kind: 'missing', advice: 'It is deregistered, or not available yet.' },
  'InvalidSnapshot.NotFound': { kind: 'missing' },
  AuthFailure: {
    kind: 'denied',
    advice: `${CREDENTIALS} An opt-in region may not be enabled in the account.`,
  },
  OptInRequired: { kind: 'denied', advice: 'Enable the region in the account, or name another one.' },
  UnauthorizedOperation: { kind: 'denied', advice: CREDENTIALS },
  AccessDenied: { kind: 'denied', advice: CREDENTIALS },
  AccessDeniedException: { kind: 'denied', advice: CREDENTIALS },
  InvalidClientTokenId: { kind: 'credentials', advice: RENEW },
  UnrecognizedClientException: { kind: 'credentials', advice: RENEW },
  ExpiredToken: { kind: 'credentials', advice: RENEW },
  ExpiredTokenException: { kind: 'credentials', advice: RENEW },
  InvalidIdentityToken: { kind: 'credentials', advice: RENEW },
  IDPCommunicationError: { kind: 'credentials', advice: RENEW },
  MissingAuthenticationToken: { kind: 'credentials', advice: RENEW },
  InvalidRegion: {
    kind: 'refused',
    advice: 'EC2 knows no such region: name another one, and take it out of REGIONS.',
  },
  RequestExpired: { kind: 'credentials', advice: "Check this machine's clock and credentials." },
  SignatureDoesNotMatch: { kind: 'credentials', advice: "Check this machine's clock and credentials." },
  CredentialsProviderError: { kind: 'credentials', advice: RENEW },
  TokenProviderError: { kind: 'credentials', advice: RENEW },
  ProviderError: { kind: 'credentials', advice: RENEW },
  IdempotentParameterMismatch: {
    kind: 'refused',
    advice: 'The same ClientToken was used with other parameters: retry the job, which makes a new one.',
  },
  InvalidRequest: {
    kind: 'refused',
    advice: "Is the source's storage shared with this account, and its key?",
  },
  'InvalidAMIName.Malformed': { kind: 'refused', advice: 'Choose another name.' },
  'InvalidAMIName.Duplicate': {
    kind: 'refused',
    advice: 'An image of that name exists there: choose another name.',
  },
  TagLimitExceeded: { kind: 'refused', advice: 'Ask for fewer tags, or set "copyTags": false.' },
  'InvalidSnapshot.InUse': {
    kind: 'refused',
    advice: 'Another image is made of that snapshot: it can be deleted once that image is deregistered.',
  },
  IncorrectState: { kind: 'transient', advice: OVER_LIMIT },
};

/** How an unhandled one answers an HTTP request. */
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
 * A failed EC2 call, classified. `message` names the operation, the region, EC2's words and what to do: callers read it, so it
 * says nothing of this service's own identity and network. `cause` has all of it, for the log.
 */
export class AwsError extends AmiferryError {
  readonly kind: AwsErrorKind;
  readonly awsCode: string;
  /** How often the SDK had called when it gave up: what an earlier try did is not known. */
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

/** A call that was not made, since EC2 would refuse it: there is none left for `wait` milliseconds. */
export function heldBack(operation: string, region: string, wait: number): AwsError {
  const message = `${operation} in ${region} waits ${wait} ms: this service has called it there as often as EC2 allows. ${OVER_LIMIT}`;
  return new AwsError('throttled', message, 'RequestLimitExceeded', null, undefined);
}

/** The parts of an SDK error that matter; a failed connection has only a name. */
interface SdkError {
  name: string;
  message: string;
  $metadata?: { requestId?: string; httpStatusCode?: number; attempts?: number };
}

/** Turns whatever the SDK threw into an {@link AwsError}. */
export function classify(error: unknown, operation: string, region: string): AwsError {
  if (error instanceof AwsError) return error;
  const { name, message, $metadata } = asSdkError(error);
  const meaning = meaningOf(name, operation, message) ?? {
    kind: kindByStatus(name, $metadata?.httpStatusCode),
  };
  const advice = meaning.advice === undefined ? '' : ` ${meaning.advice}`;
  const words = `${operation} in ${region}: ${name}: ${discreet(message).replace(/\.?$/, '.')}${advice}`;
  const { requestId = null, attempts = 1 } = $metadata ?? {};
  return new AwsError(meaning.kind, words, name, requestId, error, attempts);
}

/** EC2 names the role that it refuses, and adds what only DecodeAuthorizationMessage can read; Node names the address. */
function discreet(message: string): string {
  return message
    .replace(/\s+/g, ' ')
    .replaceAll(/\barn:aws[a-z-]*:(?:iam|sts)::\d{12}:[^\s,;]*[^\s,;.]/g, 'this service')
    .replace(/\s*Encoded authorization failure message: \S+/i, '')
    .replace(/\b(connect|getaddrinfo|read|write) (E[A-Z_]+)\b.*/, '$1 $2');
}

/** CopyImage's limit is one of copies at once, whatever its code and words, and passes; any other resource's is a quota, and final. */
function meaningOf(name: string, operation: string, message: string): Meaning | undefined {
  if (name === 'AuthFailure' && UNKNOWN_CREDENTIALS.test(message))
    return { kind: 'credentials', advice: `${RENEW} An opt-in region may not be enabled in the account.` };
  if (name === 'InvalidRequest' && PRODUCT_CODES.test(message)) return { kind: 'refused', advice: PRODUCTS };
  if (name === 'ResourceLimitExceeded' && operation !== 'CopyImage')
    return { kind: 'refused', advice: quotaAdvice(operation, message) };
  const isLimit = operation === 'CopyImage' && slotLimitIn(`${name}: ${message}`) !== null;
  return EC2_ERRORS[name] ?? (isLimit ? EC2_ERRORS['ResourceLimitExceeded'] : undefined);
}

/** Of what a change of permissions is over: EC2 has one code for both quotas. */
function quotaAdvice(operation: string, message: string): string {
  if (operation !== 'ModifyImageAttribute') return QUOTA;
  return /public/i.test(message) ? PUBLIC_QUOTA : SHAREE_QUOTA;
}

/** EC2 shows an image's billing codes to its owner alone, so that its refusal is the first to name them. */
const PRODUCT_CODES = /BillingProduct|product codes?/i;

/** AuthFailure is also what EC2 says of another account's image; these are its words about credentials. */
const UNKNOWN_CREDENTIALS = /validate the provided access credentials/;

/** AWS's codes are words in camel case, some with a dot. */
const AWS_CODE = /^[A-Z][A-Za-z]+(?:\.[A-Za-z]+)*$/;
/** What the SDK calls an answer without a code: not AWS's own, but that of a firewall, a proxy or a broken connection. */
const NO_CODE: ReadonlySet<string> = new Set([
  'Error',
  'Unknown',
  'UnknownError',
  'SyntaxError',
  'TypeError',
]);

/**
 * No status at all means that there was no answer: a time-out, a reset, a name that didn't resolve. One of success means that the answer
 * was not whole, or not EC2's.
 */
function kindByStatus(name: string, status: number | undefined): AwsErrorKind {
  if (status === 429) return 'throttled';
  if (NO_CODE.has(name) || !AWS_CODE.test(name)) return 'transient';
  return status === undefined || status < 300 || status >= 500 ? 'transient' : 'refused';
}

function asSdkError(error: unknown): SdkError {
  return error instanceof Error ? error : { name: 'Unknown', message: String(error) };
}
