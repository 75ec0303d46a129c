import { expect, test } from 'vitest';
import type { VerifyToken } from '../../src/auth/jwt.ts';
import { jwtVerifier } from '../../src/auth/jwt.ts';
import { freePort } from '../../src/dev/free-port.ts';
import { AmiferryError } from '../../src/errors.ts';
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
  ['expired 20 s ago, as the clocks have it', { expires: seconds(-20) }, 'taken'],
  ['expired 40 s ago', { expires: seconds(-40) }, 'unauthenticated'],
  ['good from 20 s from now on', { claims: { nbf: seconds(20) } }, 'taken'],
  ['good from 40 s from now on', { claims: { nbf: seconds(40) } }, 'unauthenticated'],
  ['of a subject that looks like a key', { subject: 'key:ci' }, 'taken'],
])('a token %s', async (_name, options, outcome) => {
  const provider = await startIdentityProvider();
  try {
    const token = await provider.token(options);
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
