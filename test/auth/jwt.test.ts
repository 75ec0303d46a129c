import { expect, test } from 'vitest';
import { jwtVerifier } from '../../src/auth/jwt.ts';
import { freePort } from '../../src/dev/free-port.ts';
import { startIdentityProvider } from '../helpers/identity.ts';

test('a token tells who it is, what it is good for, and its id for the audit', async () => {
  const provider = await startIdentityProvider();
  const verify = jwtVerifier(provider.settings);
  try {
    const named = await verify(
      await provider.token({ scope: 'openid amis:read nonsense', claims: { jti: 'token-1' } }),
    );
    expect(named).toEqual({ id: 'oidc:tester', credential: 'token token-1', scopes: new Set(['amis:read']) });
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
