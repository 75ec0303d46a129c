import type { ErrorCode } from '../../errors.ts';
import { ERRORS } from '../../errors.ts';
import type { Problem } from './problem.ts';

/** The parts of an example that the registry of codes does not have. */
type Said = Pick<Problem, 'detail'> & Partial<Pick<Problem, 'errors' | 'awsCode' | 'awsRequestId'>>;

const fault = (pointer: string, message: string): Said => ({
  detail: message,
  errors: [{ pointer, message }],
});
const refusal = (awsCode: string, detail: string): Said => ({
  detail,
  awsCode,
  awsRequestId: 'b25f48e8-84fd-4d54-b9ff-0a1b2c3d4e5f',
});

const IMAGE = 'ami-0a1b2c3d4e5f60001';
const LATER = 'try again in 5 s';

/** Examples by code. A code that occurs only in jobs and never answers a request has none. */
const SAID: Readonly<Partial<Record<ErrorCode, Said>>> = {
  'validation-failed': fault(
    '/region',
    'the query parameter "region" must be the name of an AWS region in small letters, such as eu-west-1',
  ),
  'invalid-json': { detail: 'Unexpected end of JSON input' },
  'bad-request': { detail: "'/%zz' is not a valid url component" },
  'unknown-region': fault(
    '/region',
    '"eu-west-9" is not a region of this service (REGIONS). Use one of us-east-1, eu-west-1, us-west-2',
  ),
  'unknown-account': fault(
    '/destinations/0/account',
    'account 222222222222 is not configured (ACCOUNTS_FILE): name one that GET /accounts lists, or have the operator add it',
  ),
  'invalid-cursor': { detail: 'the cursor is not one of this service: give back nextCursor, unchanged' },
  unauthenticated: { detail: 'send an API key in X-API-Key, or a token in Authorization: Bearer' },
  'missing-scope': { detail: 'this needs credentials with the scope amis:copy' },
  'outside-policy': { detail: 'the policy doesn\'t let key:ci copy to eu-west-1 ("destinationRegions")' },
  'image-not-found': {
    detail: `${IMAGE} doesn't exist in eu-west-1, or isn't visible to account 111111111111. Is ?region= right, and ?account=?`,
  },
  'job-not-found': { detail: 'there is no job 019a0f2e-5d31-7c44-9f00-3b1c6a2f8e10' },
  'account-not-found': {
    detail:
      'account 444444444444 is not configured (ACCOUNTS_FILE): name one that GET /accounts lists, or have the operator add it',
  },
  'delivery-not-found': { detail: 'the job has no delivery 1' },
  'job-finished': { detail: 'the job has already succeeded: nothing is left to cancel' },
  'nothing-to-retry': { detail: 'no destination of the job has failed' },
  'idempotency-key-in-progress': {
    detail: 'the first request with this Idempotency-Key is still being answered: send it again in a second',
  },
  'idempotency-key-reused': {
    detail: 'this Idempotency-Key was used for another request: use a new key for a new request',
  },
  'job-running': { detail: 'the change is being made: read the job again in a few seconds' },
  superseded: { detail: 'a later change takes away what this one gives' },
  'body-too-large': { detail: 'send at most 65536 bytes' },
  'unsupported-media-type': { detail: 'send JSON, with Content-Type: application/json' },
  'image-not-available': { detail: `${IMAGE} is pending; only an available image can be copied` },
  'region-not-enabled': fault(
    '/destinations/0/region',
    'me-south-1 is not enabled in account 111111111111: enable it (aws account enable-region --region-name me-south-1), or leave it out',
  ),
  'source-not-shared': {
    detail: `account 222222222222 does not see ${IMAGE}. Ask the owner of the image (account 333333333333) and of its snapshots to share both, and the key, with these accounts; or copy the image within account 111111111111, and copy that image`,
  },
  'other-partition': fault(
    '/destinations/0/region',
    "cn-north-1 is in the partition aws-cn, and us-east-1 in aws: EC2 can't copy images across partitions: name regions of aws",
  ),
  'foreign-product-codes': {
    detail: `${IMAGE} belongs to account 222222222222 and has product codes, such as those of AWS Marketplace: EC2 lets only its owner copy it`,
  },
  'foreign-snapshot': {
    detail: `${IMAGE} is made of another account's snapshot: snap-0a1b2c3d4e5f60001 (of account 222222222222)`,
  },
  'same-region': {
    detail: `${IMAGE} is in us-east-1 already: name other regions, or "encrypted" and "kmsKeyId" to re-encrypt it there`,
  },
  'encryption-cannot-be-removed': {
    detail: `${IMAGE} is encrypted, so its copies are too: leave "encrypted" out, or name the key with "kmsKeyId"`,
  },
  'rate-limited': { detail: 'more than 6000 requests a minute: try again in 12 s' },
  'aws-managed-key': {
    detail: `${IMAGE} is encrypted under the AWS managed key, which can't be shared: copy it under a customer key, and share the copy`,
  },
  'public-and-encrypted': {
    detail: `${IMAGE} is encrypted, and EC2 lets no encrypted image be public: share it with accounts, organizations or units`,
  },
  'public-with-product-codes': {
    detail: `${IMAGE} has product codes, and EC2 lets no image with product codes be public: share it with accounts instead`,
  },
  'public-access-blocked': {
    detail: 'block public access for AMIs is on in us-east-1: an administrator has to turn it off there',
  },
  'too-many-public-images': {
    detail:
      "5 images of this account are public in us-east-1, and EC2's quota is 5: make one of them private",
  },
  'too-many-sharees': {
    detail: `${IMAGE} would be shared with 1001 accounts, organizations and units; EC2's quota is 1000 an image and region`,
  },
  'not-image-owner': {
    detail: `${IMAGE} belongs to account 222222222222: copy it and share the copy, or ask its owner`,
  },
  'key-required': {
    detail:
      'the copy in eu-west-1 will be encrypted: name a customer key of eu-west-1 with "kmsKeyId", so that it can be shared',
  },
  'key-not-found': { detail: 'there is no key alias/ami in eu-west-1: keys and aliases are regional' },
  'key-not-usable': { detail: 'alias/ami in eu-west-1 is disabled: EBS needs an enabled, symmetric key' },
  'webhooks-off': {
    detail: 'this service sends no webhooks: leave "notify" out, or ask the operator to set WEBHOOK_SECRETS',
  },
  'webhook-refused': { detail: 'ci.example.com is not a host that webhooks may be sent to' },
  'too-many-streams': {
    detail: 'you have 50 event streams open, which is the limit: close one, or follow GET /events',
  },
  'internal-error': {
    detail: "an unexpected error in the service: search its log for this answer's requestId",
  },
  'ec2-access-denied': refusal(
    'UnauthorizedOperation',
    "DescribeImages in us-east-1: UnauthorizedOperation: You are not authorized to perform this operation. Check the service's credentials and its IAM policy (docs/iam.md).",
  ),
  'ec2-error': refusal(
    'InvalidParameterValue',
    'DescribeImages in us-east-1: InvalidParameterValue: The value is not valid.',
  ),
  'record-too-new': {
    detail: `the record of job 019a0f2e-5d31-7c44-9f00-3b1c6a2f8e10 has schema version 2, and this process reads up to 1: ${LATER}`,
  },
  'redis-unavailable': { detail: `Redis, which keeps the jobs, does not answer: ${LATER}` },
  'keys-unavailable': { detail: `the keys that verify tokens can't be read: ${LATER}` },
  overloaded: { detail: `more requests than this process can answer: ${LATER}` },
  'ec2-throttled': refusal(
    'RequestLimitExceeded',
    'DescribeImages in us-east-1: RequestLimitExceeded: Request limit exceeded. It is tried again by itself.',
  ),
  'account-not-reachable': refusal(
    'ExpiredToken',
    "DescribeImages in us-east-1: ExpiredToken: The security token is expired. Check the service's credentials: they are missing, expired or not accepted (docs/iam.md).",
  ),
  'ec2-unavailable': refusal(
    'InternalError',
    'DescribeImages in us-east-1: InternalError: An internal error has occurred.',
  ),
};

/** The example of a problem for the OpenAPI document. @param instance the path of the request */
export function problemExample(code: ErrorCode, instance: string): Problem {
  const { status, title } = ERRORS[code];
  const { detail, ...more } = SAID[code] ?? { detail: title };
  const requestId = '019a0f2e-5d31-7c44-9f00-0a1b2c3d4e5f';
  return { type: `urn:amiferry:error:${code}`, title, status, detail, instance, code, requestId, ...more };
}
