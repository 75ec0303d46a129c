import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accessOf, policyOf } from '../../src/auth/settings.ts';
import { readConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/errors.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { runEntry } from '../helpers/processes.ts';

let dir: string;
let files: { API_KEYS_FILE: string; POLICY_FILE: string };
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'amiferry-auth-'));
  files = { API_KEYS_FILE: join(dir, 'keys.json'), POLICY_FILE: join(dir, 'policy.json') };
  await writeFile(files.API_KEYS_FILE, '{"keys": []}');
  await writeFile(files.POLICY_FILE, '{"principals": {}}');
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const access = (env: Record<string, string>) => accessOf(readConfig(env));
const JWT = {
  JWT_JWKS_URL: 'https://id.example/jwks',
  JWT_ISSUER: 'https://id.example/',
  JWT_AUDIENCE: 'amiferry',
};

describe('without credentials configured', () => {
  test.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('%s lets everybody in', (HOST) => {
    expect(access({ HOST })).toMatchObject({ authenticate: null, files: [] });
  });

  test.each(['0.0.0.0', '::', '10.0.0.1', 'example.com', '127.0.0.1.example.com'])(
    '%s is refused',
    (HOST) => {
      expect(() => access({ HOST })).toThrow(/AUTH=none if that is intended/);
      expect(access({ HOST, AUTH: 'none' })).toMatchObject({ authenticate: null });
    },
  );
});

test('with credentials configured a policy has to be there, for the API and the worker', () => {
  const { API_KEYS_FILE } = files;
  for (const env of [{ API_KEYS_FILE }, JWT]) {
    expect(() => access({ ...env })).toThrow(/POLICY_FILE is not set/);
    expect(() => policyOf(readConfig({ ...env }))).toThrow(/POLICY_FILE is not set/);
    const { authenticate, policy } = access({ ...env, ...files, HOST: '0.0.0.0' });
    expect([typeof authenticate, policy.current()?.principals]).toEqual(['function', {}]);
  }
});

test.each<[string, Record<string, string>, RegExp]>([
  ['AUTH=none beside keys', { AUTH: 'none', ...JWT }, /contradicts/],
  ['no issuer', { ...JWT, JWT_ISSUER: '' }, /needs JWT_ISSUER/],
  ['no audience', { ...JWT, JWT_AUDIENCE: '' }, /needs JWT_ISSUER and JWT_AUDIENCE/],
  ['no JWKS', { ...JWT, JWT_JWKS_URL: '' }, /have no effect without JWT_JWKS_URL/],
  ['plain http', { ...JWT, JWT_JWKS_URL: 'http://id.example/jwks' }, /JWT_JWKS_URL/],
  ['a symmetric algorithm', { ...JWT, JWT_ALGORITHMS: 'RS256,HS256' }, /JWT_ALGORITHMS/],
  ['no algorithm at all', { ...JWT, JWT_ALGORITHMS: 'none' }, /JWT_ALGORITHMS/],
  ['no such file', { API_KEYS_FILE: '/nowhere/keys.json' }, /\/nowhere\/keys\.json is invalid/],
  ['a misspelt AUTH', { AUTH: 'None' }, /AUTH/],
])('%s stops the start with one line', (_name, env, message) => {
  expect(() => access(env)).toThrow(ConfigError);
  expect(() => access(env)).toThrow(message);
});

test.each(['src/bin/api.ts', 'src/bin/worker.ts'])('%s ends at once, with that line', async (entry) => {
  const run = runEntry(PROJECT_DIR, entry, { ...JWT, HOST: '127.0.0.1', PORT: '0' });
  expect(await run.ended).toBe(1);
  expect(run.output().trim().split('\n')).toEqual([expect.stringMatching(/^POLICY_FILE is not set/)]);
});

test('the API listens nowhere else than on loopback without credentials', async () => {
  const run = runEntry(PROJECT_DIR, 'src/bin/api.ts', { HOST: '0.0.0.0', PORT: '0' });
  expect(await run.ended).toBe(1);
  expect(run.output()).toMatch(/^HOST=0\.0\.0\.0 would admit everybody without credentials/);
});

test.each([
  ['TRUSTED_PROXIES', '10.0.0.0/33'],
  ['TRUSTED_PROXIES', '10.0.0.1,999.0.0.1'],
  ['TRUSTED_PROXIES', 'fd00::/129'],
  ['WEBHOOK_PRIVATE_ADDRESSES', '10.0.0.0/64'],
])('%s="%s" stops the start', (name, value) => {
  expect(() => readConfig({ [name]: value })).toThrow(`${name} is invalid`);
});

test('addresses and ranges of both kinds are taken', () => {
  const proxies = '10.0.0.0/16,fd00::/8,192.0.2.1,2001:db8::1';
  expect(readConfig({ TRUSTED_PROXIES: proxies }).trustedProxies).toEqual(proxies.split(','));
});
