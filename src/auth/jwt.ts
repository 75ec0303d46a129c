import { createHash } from 'node:crypto';
import type { FetchImplementation, JWTPayload, JWTVerifyGetKey } from 'jose';
import type { Principal } from '../domain/access.ts';
import { isAccessScope, PRINCIPAL_ID_PATTERN } from '../domain/access.ts';
import { AmiferryError } from '../errors.ts';

export interface JwtSettings {
  /** Where the identity provider publishes its keys. It alone is asked: nothing in a token names another. */
  jwksUrl: URL;
  issuer: string;
  audience: string;
  /** Asymmetric ones only. */
  algorithms: readonly string[];
}

/** Clocks of the provider and of this machine may differ by so much, seconds. */
const CLOCK_TOLERANCE = 30;
/** The provider is given so long for its keys, milliseconds; they are kept for ten minutes (jose's default). */
const JWKS_TIMEOUT = 3000;
/** An unknown key id has the keys read again at most this often, milliseconds. */
const JWKS_COOLDOWN = 10_000;
/** jose's cooldown begins with an answer; a provider that gives none is asked again at most this often, milliseconds. */
const JWKS_REST = 5000;

/** The longest answer with a provider's keys, bytes: they are a few, of less than 2 KiB each. */
const JWKS_BYTES = 256 * 1024;

/** Tells whose token it is. @throws {AmiferryError} `unauthenticated`, `keys-unavailable` */
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

/** Loaded with the first token: most services that are started never see one. */
async function loadVerifier({ jwksUrl }: JwtSettings): Promise<Verifier> {
  const jose = await import('jose');
  const keys = jose.createRemoteJWKSet(jwksUrl, {
    timeoutDuration: JWKS_TIMEOUT,
    cooldownDuration: JWKS_COOLDOWN,
    [jose.customFetch]: restingFetch(),
  });
  return { jose, keys };
}

/** Keys that are known already stay good meanwhile: only asking for others fails. */
function restingFetch(): FetchImplementation {
  let restsUntil = Number.NEGATIVE_INFINITY;
  return async (url, options) => {
    const now = performance.now();
    if (now < restsUntil) throw new Error('the identity provider was asked for its keys just now');
    restsUntil = now + JWKS_REST;
    return bounded(await fetch(url, options));
  };
}

/** A good answer, read to its end. @throws where it is longer than {@link JWKS_BYTES}; what jose knows already stays good */
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

/** What kinds of JWT are for calling services. RFC 8725, section 3.11: others of the same provider are for other uses. */
const TYPES = new Set(['jwt', 'at+jwt']);

/** A provider signs much with one key: what it says of an event, a logout or itself lets nobody in. */
function isAccessToken({ typ }: { typ?: unknown }): boolean {
  if (typ === undefined) return true;
  return typeof typ === 'string' && TYPES.has(typ.toLowerCase().replace(/^application\//, ''));
}

function principalOfToken(token: string, payload: JWTPayload): Principal {
  // jose promises a text, and lets lists and numbers through: `["a"]` would be `a`.
  const sub: unknown = payload.sub;
  const id = `oidc:${typeof sub === 'string' ? sub : ''}`;
  if (!new RegExp(PRINCIPAL_ID_PATTERN).test(id)) {
    throw new AmiferryError(
      'unauthenticated',
      'the subject of the token has to be 1 to 200 visible ASCII characters',
    );
  }
  const expiresAt = ((payload.exp ?? 0) + CLOCK_TOLERANCE) * 1000;
  return { id, credential: credentialOf(token, payload), scopes: new Set(scopesOf(payload)), expiresAt };
}

/** The token's own id, else the start of its digest: both name it, and neither is any good for getting in. */
function credentialOf(token: string, { jti }: JWTPayload): string {
  if (typeof jti === 'string' && /^[\x21-\x7e]{1,100}$/.test(jti)) return `token ${jti}`;
  return `token sha256:${createHash('sha256').update(token).digest('hex').slice(0, 16)}`;
}

/** `scope` (RFC 8693, section 4.2) is words in one text; `scp`, as some providers have it, may be a list. */
function scopesOf({ scope, scp }: JWTPayload) {
  const words = [scope, scp].flat().flatMap((one) => (typeof one === 'string' ? one.split(' ') : []));
  return words.filter(isAccessScope);
}

/** Why a token isn't taken. What the provider did wrong is no fault of the caller's. */
function refusal({ errors }: typeof import('jose'), cause: unknown): AmiferryError {
  if (cause instanceof errors.JWTExpired)
    return new AmiferryError('unauthenticated', 'the token has expired: get a new one', { cause });
  const callers = cause instanceof errors.JOSEError && !PROVIDERS_FAULTS.has(cause.code);
  if (callers) {
    const message =
      "the token is not one that this service takes: look at its signature's algorithm, issuer and audience";
    return new AmiferryError('unauthenticated', message, { cause });
  }
  const message = "the identity provider's keys can't be read right now, so no token can be checked";
  return new AmiferryError('keys-unavailable', message, { cause });
}

const PROVIDERS_FAULTS = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC']);
