import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import { afterAll, describe, expect, test } from 'vitest';
import { authenticator } from '../../src/auth/authenticate.ts';
import { jwtVerifier } from '../../src/auth/jwt.ts';
import type { AccessScope } from '../../src/domain/access.ts';
import { ACCESS_SCOPES } from '../../src/domain/access.ts';
import type { RouteAccess } from '../../src/http/plugins/authentication.ts';
import { authentication } from '../../src/http/plugins/authentication.ts';
import { problemDetails } from '../../src/http/plugins/problem-details.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import { EVERYTHING, TestKeys, TestPolicy } from '../helpers/access.ts';
import { startIdentityProvider } from '../helpers/identity.ts';
import { startApi } from './api.ts';

/** Every route of the route table × every kind of credentials, good and bad: a new route is in here by itself. */
const provider = await startIdentityProvider();
const keys = new TestKeys();
const authenticate = authenticator({ apiKeys: keys, verifyToken: jwtVerifier(provider.settings) });
const policy = new TestPolicy({ '*': EVERYTHING });
const api = await startApi({ workers: 0, policy }, { authenticate, swaggerUi: true });
await api.app.listen({ port: 0, host: '127.0.0.1' });
const base = `http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}`;
const JOB = (await api.service.copy({ destinations: [{ region: 'eu-west-1' }] })).id;

afterAll(async () => {
  await api.stop();
  await provider.stop();
});

const ALL = ACCESS_SCOPES.join(' ');
const LONG_AGO = Math.floor(Date.now() / 1000) - 600;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const apiKey = (key: string) => ({ 'x-api-key': key });
const inAuthorization = (key: string) => ({ authorization: `ApiKey ${key}` });
const expired = keys.make('expired', ACCESS_SCOPES, new Date(Date.now() - 1000));
const fine = keys.make('fine');
/** A secret of the right form whose id is known, and that is another's all the same. */
const wrongSecret = `${fine.slice(0, -1)}${fine.endsWith('A') ? 'B' : 'A'}`;

const BAD: [name: string, headers: Record<string, string>][] = [
  ['no credentials', {}],
  ['an empty Authorization', { authorization: '' }],
  ['another scheme', { authorization: 'Basic dGVzdDp0ZXN0' }],
  ['a malformed token', bearer('not.a.token')],
  ['a token with a line too many', bearer(`${await provider.token({ scope: ALL })}.x`)],
  ['an expired token', bearer(await provider.token({ scope: ALL, expires: LONG_AGO }))],
  [
    'a token of another issuer',
    bearer(await provider.token({ scope: ALL, issuer: 'https://other.example/' })),
  ],
  ['a token for another audience', bearer(await provider.token({ scope: ALL, audience: 'other' }))],
  ['a token with alg none', bearer(provider.unsigned({ scope: ALL }))],
  ['HS256 with the public key', bearer(await provider.signedWithPublicKey({ scope: ALL }))],
  ["another's signature", bearer(await provider.forged({ scope: ALL }))],
  ['a token for a subject with a line break', bearer(await provider.token({ scope: ALL, subject: 'a\nb' }))],
  ['a session of the queues that there is not', { cookie: `amiferry_queues=${'A'.repeat(43)}` }],
  ['a malformed API key', apiKey('secret')],
  ['an unknown API key', apiKey(`amiferry_000000000000_${'A'.repeat(43)}`)],
  ['a wrong API key of a known id', apiKey(wrongSecret)],
  ['an expired API key', apiKey(expired)],
  ['an API key as a token', bearer(fine)],
  ['a wrong API key in Authorization', inAuthorization(wrongSecret)],
  ['an expired API key in Authorization', inAuthorization(expired)],
  ['a token as an API key', inAuthorization(await provider.token({ scope: ALL }))],
  ['a good key twice', { ...apiKey(fine), ...inAuthorization(fine) }],
  ['a good key and a good token', { ...apiKey(fine), ...bearer(await provider.token({ scope: ALL })) }],
];

const BODIES: Record<string, object> = {
  'POST /amis/:imageId/copies': { destinations: [{ region: 'eu-west-1' }] },
  'PUT /amis/:imageId/permissions': { accounts: ['222222222222'] },
  'PATCH /amis/:imageId/permissions': { add: { accounts: ['222222222222'] } },
};

const nameOf = ({ method, url }: RouteAccess) => `${method} ${url}`;
const routes = api.app.accessTable.map((route) => ({
  name: nameOf(route),
  ...route,
  access: route.access(),
}));
const open = routes.filter(({ access }) => access === 'everybody');
const guarded = routes.flatMap(({ access, ...rest }) =>
  Array.isArray(access) ? [{ ...rest, scopes: access as AccessScope[] }] : [],
);

/** Only the head of the answer: some routes stream without end. */
async function head(method: string, url: string, headers: Record<string, string>) {
  const leave = new AbortController();
  const payload = BODIES[`${method} ${url}`];
  const answer = await fetch(base + pathOf(url), {
    method,
    signal: leave.signal,
    headers: { ...headers, ...(payload ? { 'content-type': 'application/json' } : {}) },
    ...(payload ? { body: JSON.stringify(payload) } : {}),
  });
  leave.abort();
  return answer.status;
}

function pathOf(url: string): string {
  return url.replace(':imageId', 'ami-0a1b2c3d4e5f60001').replace(':id', JOB).replace('*', 'index.html');
}

test('the table has the routes that there are', () => {
  const names = routes.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(Object.keys(BODIES)));
  const isOpen = (url: string) => /^\/($|console\/|health\/|openapi\.json$|docs)/.test(url);
  expect(open.every(({ url }) => isOpen(url))).toBe(true);
  expect(guarded.length).toBeGreaterThan(10);
});

describe.each(guarded)('$name', ({ method, url, scopes }) => {
  const others = ACCESS_SCOPES.filter((scope) => !scopes.includes(scope));
  const name = `m-${method}-${url.replaceAll(/[^a-z]/gi, '')}`;

  test.each(BAD)('401 with %s', async (_name, headers) => {
    const answer = await api.call({ method, url: pathOf(url), headers });
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toMatch(/^ApiKey .*, Bearer /);
    if (method !== 'HEAD') expect(answer.json<Problem>().code).toBe('unauthenticated');
  });

  test('403 with good credentials that lack the scope', async () => {
    const token = await provider.token({ scope: others.join(' ') });
    const key = keys.make(`${name}-without`, others);
    for (const headers of [bearer(token), apiKey(key), inAuthorization(key)]) {
      const answer = await api.call({ method, url: pathOf(url), headers });
      expect(answer.statusCode).toBe(403);
      expect(answer.headers['www-authenticate']).toContain(`scope="${scopes.join(' ')}"`);
      if (method !== 'HEAD') expect(answer.json<Problem>().code).toBe('missing-scope');
    }
  });

  test.each(scopes)('let in with the scope %s', async (scope) => {
    const token = await provider.token({ scope });
    const list = await provider.token({ claims: { scope: undefined, scp: [scope] } });
    const key = keys.make(`${name}-${scope.slice(5)}`, [scope]);
    for (const headers of [bearer(token), bearer(list), apiKey(key), inAuthorization(key)]) {
      expect([401, 403]).not.toContain(await head(method, url, headers));
    }
  });
});

test.each(open)('$name is open to everybody', async ({ method, url }) => {
  expect([401, 403]).not.toContain(await head(method, url, {}));
});

test('a route that does not say who is let in stops the start', async () => {
  const { audit } = api.service;
  const app = fastify();
  await app.register(problemDetails);
  await app.register(authentication, {
    authenticate,
    audit,
    policy,
    queueSessions: { find: async () => null },
  });
  app.get('/new', async () => 'anything');
  await expect(app.ready()).rejects.toThrow(/is missing.*GET \/new/);
});
