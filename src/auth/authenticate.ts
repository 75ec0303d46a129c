import type { IncomingHttpHeaders } from 'node:http';
import type { Principal } from '../domain/access.ts';
import { AmiferryError } from '../errors.ts';
import type { ApiKey } from './api-keys.ts';
import { principalOfKey } from './api-keys.ts';
import type { VerifyToken } from './jwt.ts';

/** Authenticates the caller of a request. @throws {AmiferryError} `unauthenticated`, `keys-unavailable` */
export type Authenticate = (headers: IncomingHttpHeaders) => Promise<Principal>;

/** The configured methods: at least one of them. */
export interface Credentials {
  apiKeys: { current(): readonly ApiKey[] } | null;
  verifyToken: VerifyToken | null;
}

/**
 * Accepts exactly one of these: an API key in X-API-Key, an API key as `Authorization: ApiKey …` for clients that can set no other
 * header (Prometheus' operator), or a token as `Authorization: Bearer …`.
 */
export function authenticator({ apiKeys, verifyToken }: Credentials): Authenticate {
  const wanted = [
    ...(apiKeys === null ? [] : ['an API key as "X-API-Key: …"']),
    ...(verifyToken === null ? [] : ['a token as "Authorization: Bearer …"']),
  ].join(' or ');
  const refuse = (why: string) => new AmiferryError('unauthenticated', `${why}: send ${wanted}`);

  return async ({ 'x-api-key': header, authorization }) => {
    if (header !== undefined && authorization !== undefined)
      throw refuse('the request has both X-API-Key and Authorization');
    const [, scheme = '', credentials] = /^(ApiKey|Bearer) +([\w.~+/=-]+)$/i.exec(authorization ?? '') ?? [];
    const key = scheme.toLowerCase() === 'apikey' ? credentials : header;
    if (typeof key === 'string' && apiKeys !== null) {
      const principal = principalOfKey(apiKeys.current(), key, Date.now());
      if (principal === null) throw refuse('the API key is invalid, expired or revoked');
      return principal;
    }
    if (scheme.toLowerCase() === 'bearer' && credentials !== undefined && verifyToken !== null)
      return verifyToken(credentials);
    throw refuse(
      authorization === undefined ? 'credentials are missing' : 'the Authorization header is invalid',
    );
  };
}
