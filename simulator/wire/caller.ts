import { AwsError } from '../errors.ts';
import { regions } from '../regions.ts';

/** The caller's account and region, read from the credential scope. The signature is not verified. */
export interface Caller {
  readonly account: string;
  readonly region: string;
  readonly service: string;
}

/** The account of access keys that contain none. */
export const defaultAccount = '111111111111';

/** The account in an access key id: `111122223333`, `AKIASIM111122223333` or `ASIASIM111122223333`. */
function accountOf(accessKeyId: string): string {
  return /^(?:A[KS]IASIM)?(\d{12})$/.exec(accessKeyId)?.[1] ?? defaultAccount;
}

/** Makes an access key id that contains an account, for AssumeRole. */
export function accessKeyFor(account: string): string {
  return `ASIASIM${account}`;
}

/**
 * Reads `AWS4-HMAC-SHA256 Credential=<key id>/<date>/<region>/<service>/aws4_request, …`.
 * @throws AwsError MissingAuthenticationToken, AuthFailure, InvalidRegion or OptInRequired
 */
export function callerOf(authorization: string | undefined): Caller {
  if (authorization === undefined || authorization === '') {
    throw new AwsError('MissingAuthenticationToken', 'Request is missing Authentication Token');
  }
  const scope = /^AWS4-[A-Z0-9-]+ .*?Credential=([^/\s]+)\/\d{8}\/([^/\s]+)\/([^/\s]+)\/aws4_request/.exec(
    authorization,
  );
  const [, accessKeyId, region, service] = scope ?? [];
  if (accessKeyId === undefined || region === undefined || service === undefined) {
    throw new AwsError('AuthFailure', 'AWS was not able to validate the provided access credentials');
  }
  requireRegion(region);
  return { account: accountOf(accessKeyId), region, service };
}

function requireRegion(region: string): void {
  const status = regions.get(region);
  if (status === undefined) throw new AwsError('InvalidRegion', `The region '${region}' does not exist`);
  if (status === 'not-opted-in') {
    throw new AwsError(
      'OptInRequired',
      `You are not subscribed to this service: the region '${region}' is not enabled`,
    );
  }
}
