import type { IncomingHttpHeaders } from 'node:http';
import type { Principal } from '../domain/access.ts';
import { AmiferryError } from '../errors.ts';
import type { ApiKey } from './api-keys.ts';
import { principalOfKey } from './api-keys.ts';
import type { VerifyToken } from './jwt.ts';

/** Tells who makes a request. @throws {AmiferryError} `unauthenticated`, `keys-unavailable` */
export type Authenticate = (headers: IncomingHttpHeaders) => Promise<Principal>;

/** What is configured: one of them at least. */
export interface Credentials {
  apiKeys: { current(): readonly ApiKey[] } | null;
  verifyToken: VerifyToken | null;
}

/**
 * An API key in X-API-Key, or as `Authorization: ApiKey …` for clients that can set nothing else (Prometheus' operator),
 * or a token as `Authorization: Bearer …`: exactly one of the three.
 */
export function authenticator({ apiKeys, verifyToken }: Credentials): Authenticate {
  const wanted = [
    ...(apiKeys === null ? [] : ['an API key as "X-API-Key: …"']),
    ...(verifyToken === null ? [] : ['a token as "Authorization: Bearer …"']),
  ].join(' or ');
  const refuse = (why: string) => new AmiferryError('unauthenticated', `${why}: send ${wanted}`);

  return async ({ 'x-api-key': header, authorization }) => {
    if (header !== undefined && authorization !== undefined) throw refuse('two credentials are one too many');
    const [, scheme = '', credentials] = /^(ApiKey|Bearer) +([\w.~+/=-]+)$/i.exec(authorization ?? '') ?? [];
    const key = scheme.toLowerCase() === 'apikey' ? credentials : header;
    if (typeof key === 'string' && apiKeys !== null) {
      const principal = principalOfKey(apiKeys.current(), key, Date.now());
      if (principal === null) throw refuse('the API key is not valid, or no longer');
      return principal;
    }
    if (scheme.toLowerCase() === 'bearer' && credentials !== undefined && verifyToken !== null)
      return verifyToken(credentials);
    throw refuse(
      authorization === undefined ? 'credentials are needed here' : 'the credentials can not be read',
    );
  };
}
