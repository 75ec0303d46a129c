import { slotLimitIn } from '../domain/slot-limits.ts';

/** The AWS services that are called. */
export type AwsService = 'EC2' | 'KMS' | 'Organizations' | 'SQS' | 'STS';

/**
 * The meaning of a failed call for its caller:
 * - `throttled`: wait and call again, for as long as it takes; it uses up no attempt
 * - `transient`: call again with the same token, within limits
 * - `slots`: the region already makes as many concurrent copies as it allows: wait for a slot
 * - `missing`: the resource does not exist (any more, or yet)
 * - `credentials`: the account currently refuses the service's credentials; wait, for it says nothing about the resource
 * - `denied`: the service's credentials lack a permission; an operator has to change that
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

export interface Meaning {
  kind: AwsErrorKind;
  /** What an engineer should do next, as a sentence. */
  advice?: string;
}

type Codes = Readonly<Record<string, Meaning>>;

const PASSES = 'It is tried again by itself.';
const CREDENTIALS = "Check the service's credentials and its IAM policy (docs/iam.md).";
const RENEW = "Check the service's credentials: they are missing, expired or not accepted (docs/iam.md).";
const CLOCK = "Check this machine's clock and credentials.";

/** Codes with the same meaning in every service. docs/ec2-errors.md shows this table and EC2's, and a test compares them. */
export const COMMON_CODES: Codes = {
  RequestLimitExceeded: { kind: 'throttled', advice: PASSES },
  Throttling: { kind: 'throttled', advice: PASSES },
  ThrottlingException: { kind: 'throttled', advice: PASSES },
  InternalError: { kind: 'transient' },
  InternalFailure: { kind: 'transient' },
  Unavailable: { kind: 'transient' },
  ServiceUnavailable: { kind: 'transient' },
  OptInRequired: { kind: 'denied', advice: 'Enable the region in the account, or name another one.' },
  AccessDenied: { kind: 'denied', advice: CREDENTIALS },
  AccessDeniedException: { kind: 'denied', advice: CREDENTIALS },
  InvalidClientTokenId: { kind: 'credentials', advice: RENEW },
  UnrecognizedClientException: { kind: 'credentials', advice: RENEW },
  ExpiredToken: { kind: 'credentials', advice: RENEW },
  ExpiredTokenException: { kind: 'credentials', advice: RENEW },
  InvalidIdentityToken: { kind: 'credentials', advice: RENEW },
  IDPCommunicationError: { kind: 'credentials', advice: RENEW },
  MissingAuthenticationToken: { kind: 'credentials', advice: RENEW },
  RequestExpired: { kind: 'credentials', advice: CLOCK },
  SignatureDoesNotMatch: { kind: 'credentials', advice: CLOCK },
  CredentialsProviderError: { kind: 'credentials', advice: RENEW },
  TokenProviderError: { kind: 'credentials', advice: RENEW },
  ProviderError: { kind: 'credentials', advice: RENEW },
};

const EC2_CODES: Codes = {
  ResourceLimitExceeded: { kind: 'slots', advice: PASSES },
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
  UnauthorizedOperation: { kind: 'denied', advice: CREDENTIALS },
  InvalidRegion: {
    kind: 'refused',
    advice: 'EC2 knows no such region: name another one, and take it out of REGIONS.',
  },
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
  IncorrectState: { kind: 'transient', advice: PASSES },
};

const ALLOW =
  "Allow sqs:ReceiveMessage and sqs:DeleteMessage on the queue to the worker's credentials (docs/iam.md), in the queue's own policy too if it is another account's.";
const WHICH =
  'Is EVENTS_QUEUE_URL right, region and account included? A queue of another account that may not be read looks the same.';

/** Each code by its name in JSON and in the older Query protocol. docs/events.md shows this table, and a test compares them. */
const SQS_CODES: Codes = {
  AccessDenied: { kind: 'denied', advice: ALLOW },
  AccessDeniedException: { kind: 'denied', advice: ALLOW },
  KmsAccessDenied: {
    kind: 'denied',
    advice: "Allow kms:Decrypt on the queue's key to the worker's credentials (docs/iam.md).",
  },
  KmsDisabled: { kind: 'denied', advice: "Enable the queue's key." },
  QueueDoesNotExist: { kind: 'missing', advice: WHICH },
  InvalidAddress: { kind: 'missing', advice: WHICH },
  RequestThrottled: { kind: 'throttled', advice: PASSES },
  KmsThrottled: { kind: 'throttled', advice: PASSES },
  OverLimit: {
    kind: 'throttled',
    advice:
      'So many messages are received and not deleted that SQS gives no more: does something else read this queue?',
  },
};

const DELEGATED =
  "The service's account has to be the management account of the organization or a delegated administrator, and both processes need deploy/iam/organizations.json (docs/iam.md).";
const NO_ORGANIZATION =
  "The service's account is in no organization: list the accounts in ACCOUNTS_FILE instead of the unit.";

const ORGANIZATIONS_CODES: Codes = {
  AccessDeniedException: { kind: 'denied', advice: DELEGATED },
  AWSOrganizationsNotInUseException: { kind: 'denied', advice: NO_ORGANIZATION },
  ParentNotFoundException: { kind: 'missing', advice: 'Is the id of the unit in ACCOUNTS_FILE right?' },
  TooManyRequestsException: { kind: 'throttled', advice: PASSES },
  ServiceException: { kind: 'transient' },
};

interface ServiceErrors {
  /** The service's own codes, and codes with another meaning than in {@link COMMON_CODES}. */
  codes: Codes;
  /** The meaning of a 403 without a known code; `refused` by default. */
  forbidden?: AwsErrorKind;
  /** Advice for errors that have none of their own. */
  advice?: Readonly<Partial<Record<AwsErrorKind, string>>>;
}

/** What differs between the errors of the services. */
export const SERVICE_ERRORS: Readonly<Record<AwsService, ServiceErrors>> = {
  EC2: { codes: EC2_CODES },
  KMS: { codes: {} },
  SQS: {
    codes: SQS_CODES,
    forbidden: 'denied',
    advice: {
      denied: ALLOW,
      throttled: PASSES,
      transient: `${PASSES} If it goes on: does the network let the worker reach SQS?`,
      refused: WHICH,
    },
  },
  STS: { codes: {} },
  Organizations: { codes: ORGANIZATIONS_CODES },
};

/** The meaning of a code by the tables, and by EC2's message where its code is ambiguous. `undefined` for an unknown code. */
export function meaningOf(
  service: AwsService,
  code: string,
  operation: string,
  message: string,
): Meaning | undefined {
  const special = service === 'EC2' ? ec2Meaning(code, operation, message) : undefined;
  return special ?? SERVICE_ERRORS[service].codes[code] ?? COMMON_CODES[code];
}

/** EC2 shows an image's billing codes only to its owner. For others, this refusal is the first sign of them. */
const PRODUCT_CODES = /BillingProduct|product codes?/i;
const PRODUCTS =
  'Launch an instance of the image in this account, create an image of the instance, and copy that. Neither a key nor sharing the image helps.';

/** EC2 also uses AuthFailure for another account's image. These are its messages about credentials. */
const UNKNOWN_CREDENTIALS = /validate the provided access credentials/;

/**
 * CopyImage's limit is one of concurrent copies, whatever its code and message, and is temporary. The limit of any other
 * resource is a quota, and final.
 */
function ec2Meaning(code: string, operation: string, message: string): Meaning | undefined {
  if (code === 'AuthFailure' && UNKNOWN_CREDENTIALS.test(message))
    return { kind: 'credentials', advice: `${RENEW} An opt-in region may not be enabled in the account.` };
  if (code === 'InvalidRequest' && PRODUCT_CODES.test(message)) return { kind: 'refused', advice: PRODUCTS };
  if (code === 'ResourceLimitExceeded' && operation !== 'CopyImage')
    return { kind: 'refused', advice: quotaAdvice(operation, message) };
  const isKnown = code in EC2_CODES || code in COMMON_CODES;
  const isLimit = !isKnown && operation === 'CopyImage' && slotLimitIn(`${code}: ${message}`) !== null;
  return isLimit ? EC2_CODES['ResourceLimitExceeded'] : undefined;
}

const QUOTA = 'A quota of the account in that region is reached: remove something, or have AWS raise it.';
const PUBLIC_QUOTA =
  'Make another public image of the account there private, or have AWS raise the quota of public AMIs in that region (it counts those in the Recycle Bin too).';
const SHAREE_QUOTA =
  'Share with an organization or unit instead of its accounts, or have AWS raise the quota of sharees of an AMI.';

/** The quota that a change of permissions exceeds: EC2 has one code for both quotas. */
function quotaAdvice(operation: string, message: string): string {
  if (operation !== 'ModifyImageAttribute') return QUOTA;
  return /public/i.test(message) ? PUBLIC_QUOTA : SHAREE_QUOTA;
}
