import type { KeyObject, KeyPairKeyObjectResult } from 'node:crypto';
import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JWK } from 'jose';
import { exportJWK, SignJWT, UnsecuredJWT } from 'jose';
import type { JwtSettings } from '../../src/auth/jwt.ts';

/** Deviations of a token from a valid one. */
export interface TokenOptions {
  subject?: string;
  scope?: string;
  issuer?: string;
  audience?: string | string[];
  /** Epoch seconds. */
  expires?: number;
  claims?: Record<string, unknown>;
  /** Additional header fields; undefined removes a field. */
  header?: Record<string, unknown>;
}

/** An identity provider on loopback that publishes its key and signs tokens. */
export interface IdentityProvider {
  settings: JwtSettings;
  token(options?: TokenOptions): Promise<string>;
  /** `alg: none`: no signature at all. */
  unsigned(options?: TokenOptions): string;
  /** HS256 with the public key as the secret: accepted by verifiers that let the token choose the algorithm. */
  signedWithPublicKey(options?: TokenOptions): Promise<string>;
  /** Like `token`, but made without a library, which would refuse it. */
  raw(header: Record<string, unknown>, claims: Record<string, unknown>): string;
  /** An attacker's key, to be put into a token. */
  foreignKey: JWK;
  /** Replaces the key by a new one with a new id. */
  rotate(): Promise<void>;
  /** Signs with another key and an unknown key id. */
  unknownKey(keyId: string): Promise<string>;
  /** How often its keys were requested. */
  asked(): number;
  /** Sets the answer to requests for its keys. */
  answer(status: number): void;
  /** Pads the answer with its keys by this many bytes. */
  pad(bytes: number): void;
  /** Signs with another key and the same key id. */
  forged(options?: TokenOptions): Promise<string>;
  stop(): Promise<void>;
}

const ISSUER = 'https://identity.example/';
const AUDIENCE = 'amiferry';
const KEY_ID = 'test-key';

/** Made once per test process at its first use, since it takes up to half a second. */
const keys = new Map<'first' | 'other' | 'second', KeyPairKeyObjectResult>();

function keyPair(name: 'first' | 'other' | 'second'): KeyPairKeyObjectResult {
  const pair = keys.get(name) ?? generateKeyPairSync('rsa', { modulusLength: 2048 });
  keys.set(name, pair);
  return pair;
}

export async function startIdentityProvider(): Promise<IdentityProvider> {
  const { publicKey, privateKey } = keyPair('first');
  const { publicKey: otherPublicKey, privateKey: otherKey } = keyPair('other');
  const published = async (key: KeyObject, kid: string) =>
    ({ ...(await exportJWK(key)), kid, alg: 'RS256', use: 'sig' }) as const;
  let jwk: JWK = await published(publicKey, KEY_ID);
  let signing = { key: privateKey, header: { alg: 'RS256', kid: KEY_ID } };
  let asked = 0;
  let status = 200;
  let padding = '';
  const server = createServer((_request, response) => {
    asked += 1;
    response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(JSON.stringify({ keys: [jwk], padding }));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const rs256 = { alg: 'RS256', kid: KEY_ID };
  const secret = Buffer.from(publicKey.export({ type: 'spki', format: 'pem' }));
  return {
    settings: {
      jwksUrl: new URL(`http://127.0.0.1:${port}/jwks.json`),
      issuer: ISSUER,
      audience: AUDIENCE,
      algorithms: ['RS256', 'ES256'],
    },
    token: (options) =>
      filled(new SignJWT(payload(options)), options)
        .setProtectedHeader({ ...signing.header, ...options?.header })
        .sign(signing.key),
    unsigned: (options) => filled(new UnsecuredJWT(payload(options)), options).encode(),
    signedWithPublicKey: (options) =>
      filled(new SignJWT(payload(options)), options)
        .setProtectedHeader({ alg: 'HS256', kid: KEY_ID })
        .sign(secret),
    forged: (options) =>
      filled(new SignJWT(payload(options)), options)
        .setProtectedHeader({ ...rs256, ...options?.header })
        .sign(otherKey),
    raw: (header, claims) => {
      const known = { iss: ISSUER, aud: AUDIENCE, sub: 'tester', exp: Math.floor(Date.now() / 1000) + 600 };
      const parts = [
        { ...rs256, ...header },
        { ...known, ...claims },
      ];
      const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
      return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
    },
    foreignKey: await published(otherPublicKey, KEY_ID),
    rotate: async () => {
      const fresh = keyPair('second');
      jwk = await published(fresh.publicKey, 'second-key');
      signing = { key: fresh.privateKey, header: { alg: 'RS256', kid: 'second-key' } };
    },
    unknownKey: (keyId) =>
      filled(new SignJWT(payload())).setProtectedHeader({ alg: 'RS256', kid: keyId }).sign(otherKey),
    asked: () => asked,
    answer: (next) => void (status = next),
    pad: (bytes) => void (padding = ' '.repeat(bytes)),
    stop: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

function payload({ scope = '', claims = {} }: TokenOptions = {}) {
  return { scope, ...claims };
}

/** The common part of SignJWT and UnsecuredJWT. */
interface Claims {
  setSubject(subject: string): this;
  setIssuer(issuer: string): this;
  setAudience(audience: string | string[]): this;
  setExpirationTime(expires: number): this;
}

function filled<T extends Claims>(jwt: T, options: TokenOptions = {}): T {
  const { subject = 'tester', issuer = ISSUER, audience = AUDIENCE } = options;
  const { expires = Math.floor(Date.now() / 1000) + 600 } = options;
  return jwt.setSubject(subject).setIssuer(issuer).setAudience(audience).setExpirationTime(expires);
}
