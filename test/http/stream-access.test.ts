import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { authenticator } from '../../src/auth/authenticate.ts';
import { jwtVerifier } from '../../src/auth/jwt.ts';
import type { AppDeps } from '../../src/http/deps.ts';
import { EVERYTHING, TestKeys, TestPolicy } from '../helpers/access.ts';
import type { IdentityProvider } from '../helpers/identity.ts';
import { startIdentityProvider } from '../helpers/identity.ts';
import { PATIENCE, until } from '../helpers/waiting.ts';
import type { Api } from './api.ts';
import { startApi } from './api.ts';
import { EventClient } from './event-client.ts';

/** Event streams are let in once, and are open for long: what their caller loses meanwhile has to end them. */
const HOUR = 3_600_000;
const keys = new TestKeys();
const clients: EventClient[] = [];

let provider: IdentityProvider;
let api: Api;
beforeAll(async () => {
  provider = await startIdentityProvider();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await api.stop();
});
afterAll(() => provider.stop());

async function start(heartbeatMs: number, more: Partial<AppDeps> = {}): Promise<void> {
  const verifyToken = jwtVerifier(provider.settings);
  api = await startApi(
    { workers: 0, policy: new TestPolicy({ '*': EVERYTHING }) },
    {
      authenticate: authenticator({ apiKeys: keys, verifyToken }),
      streams: { total: 100, perCaller: 100, heartbeatMs, maxAgeMs: HOUR },
      ...more,
    },
  );
  await api.app.listen({ port: 0, host: '127.0.0.1' });
}

async function follow(credentials: Record<string, string>): Promise<EventClient> {
  const { port } = api.app.server.address() as AddressInfo;
  const client = new EventClient(`http://127.0.0.1:${port}/events`, undefined, undefined, credentials);
  clients.push(client);
  await client.untilOpen();
  return client;
}

const beats = (client: EventClient) => client.text.split(':').length;

async function hearsOn(client: EventClient): Promise<void> {
  const heard = beats(client);
  await until(() => beats(client) > heard + 1);
  expect(client.closed).toBe(false);
}

/** A stream ends within so many milliseconds, and not two of a test's waits earlier: its timer is moved on, not waited for. */
async function expectToEnd(credentials: Record<string, string>, within: number): Promise<void> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const client = await follow(credentials);
  expect(client.status).toBe(200);
  vi.advanceTimersByTime(within - 2 * PATIENCE);
  expect((await api.get('/health/live')).statusCode).toBe(200);
  expect(client.closed).toBe(false);
  vi.advanceTimersByTime(2 * PATIENCE);
  vi.useRealTimers();
  await client.untilClosed();
}

test("a revoked key ends its streams, and nobody else's", async () => {
  await start(50);
  const [own, other] = [keys.make('leaver'), keys.make('stayer')];
  const ends = await follow({ 'x-api-key': own });
  const stays = await follow({ 'x-api-key': other });
  await hearsOn(ends);
  keys.revoke(own);
  await ends.untilClosed();
  await hearsOn(stays);
  expect((await api.get('/jobs', { 'x-api-key': own })).statusCode).toBe(401);
});

test('who has lost a scope does not see on what it showed', async () => {
  await start(50);
  const secret = keys.make('demoted');
  const client = await follow({ 'x-api-key': secret });
  await hearsOn(client);
  keys.narrow(secret, ['amis:read']);
  await client.untilClosed();
  const again = await follow({ 'x-api-key': secret });
  expect(again.status).toBe(200);
  await hearsOn(again);
});

test('a key that expires ends its stream then, and not at a heartbeat', async () => {
  await start(HOUR);
  const secret = keys.make('short', ['amis:read'], new Date(Date.now() + HOUR / 2));
  await expectToEnd({ 'x-api-key': secret }, HOUR / 2);
});

test('a token that expires ends its stream, after the 30 s by which clocks may differ', async () => {
  await start(HOUR);
  const expires = Math.floor((Date.now() + HOUR / 2) / 1000);
  const token = await provider.token({ scope: 'amis:read', expires });
  await expectToEnd({ authorization: `Bearer ${token}` }, HOUR / 2 + 30_000);
});

test("while the provider's keys can not be read a stream goes on", async () => {
  const away = await startIdentityProvider();
  let verify = jwtVerifier(away.settings);
  const authenticate = authenticator({ apiKeys: null, verifyToken: (token) => verify(token) });
  await start(50, { authenticate });
  const credentials = { authorization: `Bearer ${await away.token({ scope: 'amis:read' })}` };
  const client = await follow(credentials);
  await hearsOn(client);
  await away.stop();
  // As after ten minutes, when the keys have to be read anew.
  verify = jwtVerifier(away.settings);
  expect((await api.get('/jobs', credentials)).statusCode).toBe(503);
  await hearsOn(client);
});
