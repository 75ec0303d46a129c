import { createHash } from 'node:crypto';
import type { FetchImplementation, JWTPayload, JWTVerifyGetKey } from 'jose';
import type { Principal } from '../domain/access.ts';
import { isAccessScope, PRINCIPAL_ID_PATTERN } from '../domain/access.ts';
import { AmiferryError } from '../errors.ts';

export interface JwtSettings {
  /** The address of the identity provider's keys (JWKS). Addresses inside of tokens are ignored. */
  jwksUrl: URL;
  issuer: string;
  audience: string;
  /** Allowed signature algorithms, only asymmetric ones. */
  algorithms: readonly string[];
}

/** The accepted difference between the clocks of the provider and of this machine, seconds. */
const CLOCK_TOLERANCE = 30;
/** The time limit of a request for the provider's keys, milliseconds. Keys are cached for ten minutes (jose's default). */
const JWKS_TIMEOUT = 3000;
/** The shortest time between two requests for keys because of an unknown key id, milliseconds. */
const JWKS_COOLDOWN = 10_000;
/** The same after a request without an answer, milliseconds: jose's cooldown begins only with an answer. */
const JWKS_REST = 5000;

/** The longest accepted answer with keys, bytes: a provider has a few keys of less than 2 KiB each. */
const JWKS_BYTES = 256 * 1024;

/** Verifies a token and returns its principal. @throws {AmiferryError} `unauthenticated`, `keys-unavailable` */
export type VerifyToken = (token: string) => Promise<Principal>;

/** Verifies tokens against a provider's published keys (RFC 7519, RFC 8725). */
export function jwtVerifier(settings: JwtSettings): VerifyToken {
  let verifier: Promise<Verifier> | undefined;
  return async (token) => {
    verifier ??= loadVerifier(settings);
    return principalOfToken(token, await verified(token, await verifier, settings));
  };
}

interface Verifier {
  jose: typeof import('jose');
  keys: JWTVerifyGetKey;
}

/** jose, loaded with the first token: many deployments use none. */
async function loadVerifier({ jwksUrl }: JwtSettings): Promise<Verifier> {
  const jose = await import('jose');
  const keys = jose.createRemoteJWKSet(jwksUrl, {
    timeoutDuration: JWKS_TIMEOUT,
    cooldownDuration: JWKS_COOLDOWN,
    [jose.customFetch]: restingFetch(),
  });
  return { jose, keys };
}

/** Cached keys stay valid meanwhile: only requests for new ones fail. */
function restingFetch(): FetchImplementation {
  let restsUntil = Number.NEGATIVE_INFINITY;
  return async (url, options) => {
    const now = performance.now();
    if (now < restsUntil)
      throw new Error("the last request for the identity provider's keys failed a moment ago");
    restsUntil = now + JWKS_REST;
    return bounded(await fetch(url, options));
  };
}

/** Reads an answer to its end. @throws if it is longer than {@link JWKS_BYTES}; jose's cached keys stay valid */
async function bounded(response: Response): Promise<Response> {
  if (response.status !== 200) return response;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > JWKS_BYTES) throw new Error(`the identity provider's keys are over ${JWKS_BYTES} bytes`);
    chunks.push(chunk);
  }
  return new Response(Buffer.concat(chunks), response);
}

async function verified(token: string, { jose, keys }: Verifier, settings: JwtSettings): Promise<JWTPayload> {
  try {
    const { payload, protectedHeader } = await jose.jwtVerify(token, keys, {
      issuer: settings.issuer,
      audience: settings.audience,
      algorithms: [...settings.algorithms],
      requiredClaims: ['sub', 'exp'],
      clockTolerance: CLOCK_TOLERANCE,
    });
    if (!isAccessToken(protectedHeader))
      throw new jose.errors.JWTInvalid('unexpected "typ" JWT header value');
    return payload;
  } catch (error) {
    throw refusal(jose, error);
  }
}

/** The `typ` of access tokens. Other kinds of JWT of the same provider are refused (RFC 8725, section 3.11). */
const TYPES = new Set(['jwt', 'at+jwt']);

/** A provider signs other JWTs with the same key, such as events and logouts: they do not authenticate anybody. */
function isAccessToken({ typ }: { typ?: unknown }): boolean {
  if (typ === undefined) return true;
  return typeof typ === 'string' && TYPES.has(typ.toLowerCase().replace(/^application\//, ''));
}

function principalOfToken(token: string, payload: JWTPayload): Principal {
  // jose's type is string, but it accepts lists and numbers too: `["a"]` would become `a`.
  const sub: unknown = payload.sub;
  const id = `oidc:${typeof sub === 'string' ? sub : ''}`;
  if (!new RegExp(PRINCIPAL_ID_PATTERN).test(id)) {
    throw new AmiferryError(
      'unauthenticated',
      'the subject of the token must be 1 to 200 visible ASCII characters',
    );
  }
  const expiresAt = ((payload.exp ?? 0) + CLOCK_TOLERANCE) * 1000;
  return { id, credential: credentialOf(token, payload), scopes: new Set(scopesOf(payload)), expiresAt };
}

/** The token's id (`jti`), or else the start of its digest: both identify the token without containing it. */
function credentialOf(token: string, { jti }: JWTPayload): string {
  if (typeof jti === 'string' && /^[\x21-\x7e]{1,100}$/.test(jti)) return `token ${jti}`;
  return `token sha256:${createHash('sha256').update(token).digest('hex').slice(0, 16)}`;
}

/** `scope` (RFC 8693, section 4.2) is one string with spaces; `scp` of some providers may be a list. */
function scopesOf({ scope, scp }: JWTPayload) {
  const words = [scope, scp].flat().flatMap((one) => (typeof one === 'string' ? one.split(' ') : []));
  return words.filter(isAccessScope);
}

/** Maps why a token is not accepted to an error. A failure of the provider is not `unauthenticated`. */
function refusal({ errors }: typeof import('jose'), cause: unknown): AmiferryError {
  if (cause instanceof errors.JWTExpired)
    return new AmiferryError('unauthenticated', 'the token has expired: get a new one', { cause });
  const callers = cause instanceof errors.JOSEError && !PROVIDERS_FAULTS.has(cause.code);
  if (callers) {
    const message = 'the token is not accepted: check its signature algorithm, issuer and audience';
    return new AmiferryError('unauthenticated', message, { cause });
  }
  const message =
    "the identity provider's keys can't be read at the moment, so no token can be verified: try again later";
  return new AmiferryError('keys-unavailable', message, { cause });
}

const PROVIDERS_FAULTS = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC']);
