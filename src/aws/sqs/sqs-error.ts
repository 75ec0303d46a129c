/**
 * What a failed call of SQS means:
 * - `denied`, `missing`, `refused`: an operator has to fix something; `throttled`, `transient`: it passes
 */
export type SqsErrorKind = 'denied' | 'missing' | 'throttled' | 'transient' | 'refused';

interface Meaning {
  kind: SqsErrorKind;
  /** What an operator should do next, as a sentence. */
  remedy: string;
}

const ALLOW =
  "Allow sqs:ReceiveMessage and sqs:DeleteMessage on the queue to the worker's credentials (docs/iam.md), in the queue's own policy too if it is another account's.";
const CREDENTIALS = "Check the worker's credentials.";
const WHICH =
  'Is EVENTS_QUEUE_URL right, region and account included? A queue of another account that may not be read looks the same.';
const KEY = "Allow kms:Decrypt on the queue's key to the worker's credentials (docs/iam.md).";
const PASSES = 'It is tried again by itself.';

/**
 * SQS' error codes that are classified, each by its name in JSON and in the older Query protocol. docs/events.md shows
 * this table, and a test holds the two together.
 */
export const SQS_ERRORS: Readonly<Record<string, Meaning>> = {
  AccessDenied: { kind: 'denied', remedy: ALLOW },
  AccessDeniedException: { kind: 'denied', remedy: ALLOW },
  KmsAccessDenied: { kind: 'denied', remedy: KEY },
  KmsDisabled: { kind: 'denied', remedy: "Enable the queue's key." },
  InvalidClientTokenId: { kind: 'denied', remedy: CREDENTIALS },
  UnrecognizedClientException: { kind: 'denied', remedy: CREDENTIALS },
  ExpiredToken: { kind: 'denied', remedy: CREDENTIALS },
  ExpiredTokenException: { kind: 'denied', remedy: CREDENTIALS },
  CredentialsProviderError: { kind: 'denied', remedy: CREDENTIALS },
  QueueDoesNotExist: { kind: 'missing', remedy: WHICH },
  InvalidAddress: { kind: 'missing', remedy: WHICH },
  RequestThrottled: { kind: 'throttled', remedy: PASSES },
  ThrottlingException: { kind: 'throttled', remedy: PASSES },
  KmsThrottled: { kind: 'throttled', remedy: PASSES },
  OverLimit: {
    kind: 'throttled',
    remedy:
      'So many messages are received and not deleted that SQS gives no more: does something else read this queue?',
  },
};

/** A failed call of SQS. `message` names the operation, the region, SQS' words and what to do. */
export class SqsError extends Error {
  readonly kind: SqsErrorKind;
  readonly awsCode: string;
  readonly awsRequestId: string | null;

  constructor(kind: SqsErrorKind, message: string, awsCode: string, awsRequestId: string | null) {
    super(message);
    this.name = 'SqsError';
    this.kind = kind;
    this.awsCode = awsCode;
    this.awsRequestId = awsRequestId;
  }
}

/** Turns whatever the SDK threw into an {@link SqsError}. */
export function sqsError(thrown: unknown, operation: string, region: string): SqsError {
  const error: Error & { $metadata?: { requestId?: string; httpStatusCode?: number } } =
    thrown instanceof Error ? thrown : new Error(String(thrown));
  const { name, message, $metadata } = error;
  const { kind, remedy } = SQS_ERRORS[name] ?? byStatus($metadata?.httpStatusCode);
  const words = message.replace(/\s+/g, ' ').replace(/\.?$/, '.');
  const said = `${operation} in ${region}: ${name}: ${words} ${remedy}`;
  return new SqsError(kind, said, name, $metadata?.requestId ?? null);
}

/** No status at all means that there was no answer: a time-out, a reset, a name that didn't resolve. */
function byStatus(status: number | undefined): Meaning {
  if (status === undefined)
    return {
      kind: 'transient',
      remedy: `${PASSES} If it goes on: does the network let the worker reach SQS?`,
    };
  if (status === 403) return { kind: 'denied', remedy: ALLOW };
  if (status === 429) return { kind: 'throttled', remedy: PASSES };
  return status >= 500 ? { kind: 'transient', remedy: PASSES } : { kind: 'refused', remedy: WHICH };
}
