import { AwsError } from '../errors.ts';
import { regions } from '../regions.ts';

/** The caller's account and region, read from the credential scope and the session token. The signature is not verified. */
export interface Caller {
  readonly account: string;
  readonly region: string;
  readonly service: string;
  /** When its session ends, real epoch milliseconds; `null` without a session of AssumeRole. */
  readonly sessionEndsAt: number | null;
}

/** The account of access keys that contain none. */
export const defaultAccount = '111111111111';

/** The account in an access key id: `111122223333`, `AKIASIM111122223333` or `ASIASIM111122223333`. */
function accountOf(accessKeyId: string): string {
  return /^(?:A[KS]IASIM)?(\d{12})$/.exec(accessKeyId)?.[1] ?? defaultAccount;
}

/** Credentials that contain an account and the end of their session (real epoch milliseconds), for AssumeRole. */
export function sessionFor(account: string, endsAt: number) {
  return {
    AccessKeyId: `ASIASIM${account}`,
    SecretAccessKey: 'simulated',
    SessionToken: `simulated-session-until-${endsAt}`,
    Expiration: new Date(endsAt).toISOString(),
  };
}

function endOf(sessionToken: string | undefined): number | null {
  const [, endsAt] = /^simulated-session-until-(\d+)$/.exec(sessionToken ?? '') ?? [];
  return endsAt === undefined ? null : Number(endsAt);
}

/**
 * Reads `AWS4-HMAC-SHA256 Credential=<key id>/<date>/<region>/<service>/aws4_request, …`.
 * @throws AwsError MissingAuthenticationToken, AuthFailure, InvalidRegion or OptInRequired
 */
export function callerOf(authorization: string | undefined, sessionToken?: string): Caller {
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
  return { account: accountOf(accessKeyId), region, service, sessionEndsAt: endOf(sessionToken) };
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
