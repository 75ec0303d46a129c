import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { VerifyToken } from '../../src/auth/jwt.ts';
import { jwtVerifier } from '../../src/auth/jwt.ts';
import { freePort } from '../helpers/free-port.ts';
import { AmiferryError } from '../../src/errors.ts';
import type { IdentityProvider, TokenOptions } from '../helpers/identity.ts';
import { startIdentityProvider } from '../helpers/identity.ts';

test('a token tells who it is, what it is good for, and its id for the audit', async () => {
  const provider = await startIdentityProvider();
  const verify = jwtVerifier(provider.settings);
  const expires = Math.floor(Date.now() / 1000) + 60;
  try {
    const named = await verify(
      await provider.token({ scope: 'openid amis:read nonsense', claims: { jti: 'token-1' }, expires }),
    );
    expect(named).toEqual({
      id: 'oidc:tester',
      credential: 'token token-1',
      scopes: new Set(['amis:read']),
      expiresAt: (expires + 30) * 1000,
    });
    const token = await provider.token({ claims: { scp: ['amis:copy', 7, 'amis:read'] } });
    const other = await verify(token);
    expect(other.scopes).toEqual(new Set(['amis:copy', 'amis:read']));
    expect(other.credential).toMatch(/^token sha256:[0-9a-f]{16}$/);
  } finally {
    await provider.stop();
  }
});

test.each(['', ' ', 'a b', 'ä', 'a\nb', 'x'.repeat(201)])('a subject %j is refused', async (subject) => {
  const provider = await startIdentityProvider();
  try {
    const token = await provider.token({ subject });
    await expect(jwtVerifier(provider.settings)(token)).rejects.toMatchObject({ code: 'unauthenticated' });
  } finally {
    await provider.stop();
  }
});

test('while the keys can not be read nobody is called a liar: the answer is 503', async () => {
  const provider = await startIdentityProvider();
  const token = await provider.token({ scope: 'amis:read' });
  await provider.stop();
  const jwksUrl = new URL(`http://127.0.0.1:${await freePort()}/jwks.json`);
  const verify = jwtVerifier({ ...provider.settings, jwksUrl });
  await expect(verify(token)).rejects.toMatchObject({ code: 'keys-unavailable', status: 503 });
});

const isRefused = (verify: VerifyToken, token: string) =>
  verify(token).then(
    () => 'taken',
    (error: unknown) => (error instanceof AmiferryError ? error.code : error),
  );

test('a flood of tokens with key ids that nobody knows hardly asks the provider, and hinders nobody', async () => {
  const provider = await startIdentityProvider();
  try {
    const verify = jwtVerifier(provider.settings);
    const good = await provider.token({ scope: 'amis:read' });
    for (let times = 0; times < 50; times += 1)
      expect(await isRefused(verify, await provider.unknownKey(`key-${times}`))).toBe('unauthenticated');
    expect(await isRefused(verify, good)).toBe('taken');
    expect(provider.asked()).toBeLessThan(10);
  } finally {
    await provider.stop();
  }
});

test.each([500, 302, 404])('a provider that answers %i is left alone for a while', async (status) => {
  const provider = await startIdentityProvider();
  try {
    provider.answer(status);
    const verify = jwtVerifier(provider.settings);
    const good = await provider.token({ scope: 'amis:read' });
    const codes = new Set<unknown>();
    for (let times = 0; times < 50; times += 1) codes.add(await isRefused(verify, good));
    expect([...codes]).toEqual(['keys-unavailable']);
    expect(provider.asked()).toBeLessThan(10);
  } finally {
    await provider.stop();
  }
});

test.each([
  [100_000, 'taken'],
  [10_000_000, 'keys-unavailable'],
])('keys that come with %i bytes more: a token of theirs is %s', async (bytes, outcome) => {
  const provider = await startIdentityProvider();
  try {
    provider.pad(bytes);
    expect(await isRefused(jwtVerifier(provider.settings), await provider.token())).toBe(outcome);
  } finally {
    await provider.stop();
  }
});

test.each([
  // Times are those of the test: it may begin long after its file was loaded.
  ['expired 10 s ago, as the clocks have it', () => ({ expires: seconds(-10) }), 'taken'],
  ['expired 120 s ago', () => ({ expires: seconds(-120) }), 'unauthenticated'],
  ['good from 20 s from now on', () => ({ claims: { nbf: seconds(20) } }), 'taken'],
  ['good from 120 s from now on', () => ({ claims: { nbf: seconds(120) } }), 'unauthenticated'],
  ['of a subject that looks like a key', () => ({ subject: 'key:ci' }), 'taken'],
])('a token %s', async (_name, options, outcome) => {
  const provider = await startIdentityProvider();
  try {
    const token = await provider.token(options());
    expect(await isRefused(jwtVerifier(provider.settings), token)).toBe(outcome);
  } finally {
    await provider.stop();
  }
});

test('a subject is never taken for the owner of a key', async () => {
  const provider = await startIdentityProvider();
  try {
    const verify = jwtVerifier(provider.settings);
    for (const subject of ['key:ci', 'anonymous', '*', 'oidc:key:ci'])
      expect((await verify(await provider.token({ subject }))).id).toBe(`oidc:${subject}`);
  } finally {
    await provider.stop();
  }
});

function seconds(from: number): number {
  return Math.floor(Date.now() / 1000) + from;
}

describe('one provider, many tokens', () => {
  let provider: IdentityProvider;
  let verify: VerifyToken;
  let elsewhere: Server;
  let calls = 0;
  let url: string;
  beforeAll(async () => {
    provider = await startIdentityProvider();
    verify = jwtVerifier(provider.settings);
    elsewhere = createServer((_request, response) => {
      calls += 1;
      response.end(JSON.stringify({ keys: [provider.foreignKey] }));
    });
    await new Promise<void>((resolve) => void elsewhere.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
  });
  afterAll(async () => {
    await provider.stop();
    await new Promise((resolve) => elsewhere.close(resolve));
  });

  test.each<[string, TokenOptions]>([
    ['with several audiences', { audience: ['other', 'amiferry'] }],
    ['of the type JWT', { header: { typ: 'JWT' } }],
    ['of the type of RFC 9068', { header: { typ: 'at+jwt' } }],
    ['of the same, written out', { header: { typ: 'application/at+JWT' } }],
    ['without a key id, there being one key', { header: { kid: undefined } }],
    ['that is very long', { claims: { groups: Array.from({ length: 500 }, (_, i) => `group-${i}`) } }],
  ])('a token %s is taken', async (_name, options) => {
    expect(await isRefused(verify, await provider.token(options))).toBe('taken');
  });

  test.each<[string, TokenOptions]>([
    ['for none of several audiences', { audience: ['other', 'amiferry2'] }],
    ['for no audience', { audience: [] }],
    ['for a logout', { header: { typ: 'logout+jwt' } }],
    ['for an event', { header: { typ: 'secevent+jwt' } }],
    ['that proves a key', { header: { typ: 'dpop+jwt' } }],
  ])('a token %s is not', async (_name, options) => {
    expect(await isRefused(verify, await provider.token(options))).toBe('unauthenticated');
  });

  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['with what the provider says must be understood', { crit: ['exp2'], exp2: 1 }, {}],
    ['whose payload is not encoded', { b64: false, crit: ['b64'] }, {}],
    ['of a type that is no text', { typ: 7 }, {}],
    ['without an end', {}, { exp: undefined }],
    ['whose end is a text', {}, { exp: '9999999999' }],
    ['without a subject', {}, { sub: undefined }],
    ['whose subject is a list', {}, { sub: ['tester'] }],
    ['of a list of issuers', {}, { iss: ['https://identity.example/'] }],
    ['whose algorithm is another than its key is for', { alg: 'PS256' }, {}],
    ['whose algorithm is in small letters', { alg: 'rs256' }, {}],
  ])('a token %s is not', async (_name, header, claims) => {
    expect(await isRefused(verify, provider.raw({}, {}))).toBe('taken');
    expect(await isRefused(verify, provider.raw(header, claims))).toBe('unauthenticated');
  });

  test('a token that brings its key along, or says where it is, is not taken, and nobody looks there', async () => {
    const before = calls;
    for (const header of [
      { jwk: provider.foreignKey },
      { jku: url, kid: 'test-key' },
      { jku: url, kid: 'foreign-key' },
      { x5u: url },
      { x5c: ['MIIB'] },
      { kid: '../../../dev/null' },
      { kid: "' OR 1=1 --" },
      { kid: url },
    ])
      expect(await isRefused(verify, await provider.forged({ header }))).toBe('unauthenticated');
    expect(calls).toBe(before);
  });

  test.each<[string, Record<string, unknown>, string[]]>([
    ['words', { scope: 'amis:read  amis:copy' }, ['amis:read', 'amis:copy']],
    ['a list in scope', { scope: ['amis:read', 'amis:copy'] }, ['amis:read', 'amis:copy']],
    ['a list in scp', { scp: ['amis:read'] }, ['amis:read']],
    ['words in scp', { scp: 'amis:read amis:share' }, ['amis:read', 'amis:share']],
    ['no text at all', { scope: { 'amis:admin': true }, scp: [['amis:admin'], 7, null] }, []],
    ['patterns', { scope: '* amis:* AMIS:ADMIN amis:admin,amis:read' }, []],
    ['other claims', { scopes: 'amis:admin', roles: ['amis:admin'], permissions: ['amis:admin'] }, []],
  ])('scopes: %s', async (_name, claims, scopes) => {
    expect((await verify(provider.raw({}, claims))).scopes).toEqual(new Set(scopes));
  });
});

describe('over time', () => {
  afterEach(() => void vi.useRealTimers());

  test('a new signing key is taken up after seconds, and the old one dropped with it', async () => {
    const provider = await startIdentityProvider();
    try {
      const verify = jwtVerifier(provider.settings);
      const old = await provider.token();
      expect(await isRefused(verify, old)).toBe('taken');
      await provider.rotate();
      const fresh = await provider.token();
      expect(await isRefused(verify, fresh)).toBe('unauthenticated');
      expect(provider.asked()).toBe(1);
      pass(11);
      expect(await isRefused(verify, fresh)).toBe('taken');
      expect(await isRefused(verify, old)).toBe('unauthenticated');
      expect(provider.asked()).toBe(2);
    } finally {
      await provider.stop();
    }
  });

  test('a withdrawn signing key is good for ten minutes at most, and an outage after that is a 503', async () => {
    const provider = await startIdentityProvider();
    try {
      const verify = jwtVerifier(provider.settings);
      const token = await provider.token({ expires: seconds(7200) });
      expect(await isRefused(verify, token)).toBe('taken');
      provider.answer(500);
      pass(590);
      expect(await isRefused(verify, token)).toBe('taken');
      pass(20);
      expect(await isRefused(verify, token)).toBe('keys-unavailable');
      provider.answer(200);
      await provider.rotate();
      pass(6);
      expect(await isRefused(verify, token)).toBe('unauthenticated');
    } finally {
      await provider.stop();
    }
  });

  /** Time goes on by so many seconds, for the verifier alone: what really waits is left. */
  function pass(by: number): void {
    const now = { date: Date.now(), performance: performance.now() };
    vi.useRealTimers();
    vi.useFakeTimers({ toFake: ['Date', 'performance'], now: now.date });
    vi.spyOn(performance, 'now').mockReturnValue(now.performance + by * 1000);
    vi.setSystemTime(now.date + by * 1000);
  }
});
