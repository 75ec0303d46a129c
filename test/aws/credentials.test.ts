import { expect, test } from 'vitest';
import { classify } from '../../src/aws/aws-error.ts';

function failed(name: string, message: string, status?: number): Error {
  const error = Object.assign(new Error(message), { name });
  return status === undefined ? error : Object.assign(error, { $metadata: { httpStatusCode: status } });
}

test.each([
  ['ExpiredToken', 'The security token included in the request is expired', 400],
  ['ExpiredTokenException', 'The security token included in the request is expired', 400],
  ['RequestExpired', 'Request has expired.', 400],
  ['InvalidClientTokenId', 'The security token included in the request is invalid.', 403],
  ['UnrecognizedClientException', 'The security token included in the request is invalid.', 400],
  ['AuthFailure', 'AWS was not able to validate the provided access credentials', 401],
  // The SDK's own, where it finds none: the metadata service is away, a file is empty, a role can't be assumed.
  ['CredentialsProviderError', 'Could not load credentials from any providers', undefined],
  ['TokenProviderError', 'Token is expired', undefined],
])('%s is about the credentials, which may be renewed', (name, message, status) => {
  const error = classify(failed(name, message, status), 'EC2', 'DescribeImages', 'eu-west-1');
  expect(error).toMatchObject({ kind: 'credentials', code: 'account-not-reachable', retryable: true });
});

test.each([
  ['AuthFailure', 'Not authorized for image:ami-0123456789abcdef0', 400, 'denied'],
  ['UnauthorizedOperation', 'You are not authorized to perform this operation.', 403, 'denied'],
  // A page of a firewall or a proxy, as the SDK tells of it.
  ['UnknownError', 'UnknownError', 403, 'transient'],
  ['Error', "char '&' is not expected.", 403, 'transient'],
  ['InvalidParameterValue', 'Value (x) is invalid', 400, 'refused'],
])('%s "%s" is something else', (name, message, status, kind) => {
  expect(classify(failed(name, message, status), 'EC2', 'DescribeImages', 'eu-west-1').kind).toBe(kind);
});
