import { execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import { mkdir, mkdtemp, open, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openPolicyFile, parsePolicy } from '../../src/auth/policy-file.ts';
import { rulesFor } from '../../src/domain/policy.ts';
import { logLines } from '../helpers/log-lines.ts';

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'amiferry-policy-'));
  file = join(dir, 'policy.json');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const write = (policy: unknown) =>
  writeFile(file, typeof policy === 'string' ? policy : JSON.stringify(policy));

test('what is left out is nothing, and another text has another version', () => {
  const policy = parsePolicy('{"principals": {"key:ci": {"accounts": ["222222222222"]}}}');
  expect(rulesFor(policy, 'key:ci')).toEqual({
    sourceRegions: [],
    destinationRegions: [],
    destinationAccounts: [],
    accounts: ['222222222222'],
    organizations: [],
    organizationalUnits: [],
    kmsKeys: [],
    allowPublic: false,
    allowKeyGrants: false,
  });
  expect(policy.version).toMatch(/^sha256:[0-9a-f]{16}$/);
  expect(parsePolicy('{"principals": {}}').version).not.toBe(policy.version);
});

test.each([
  ['no JSON', '{'],
  ['no principals', '{}'],
  ['a misspelt field', { principals: { 'key:ci': { acounts: [] } } }],
  ['a number for an account', { principals: { 'key:ci': { accounts: [222222222222] } } }],
  ['an account of 11 digits', { principals: { 'key:ci': { accounts: ['22222222222'] } } }],
  ['an organization that is no ARN', { principals: { 'key:ci': { organizations: ['o-abcdefghij'] } } }],
  ['a pattern for a region', { principals: { 'key:ci': { sourceRegions: ['eu-*'] } } }],
  ['a region in capitals', { principals: { 'key:ci': { destinationRegions: ['EU-WEST-1'] } } }],
  ['a region with a space behind', { principals: { 'key:ci': { destinationRegions: ['eu-west-1 '] } } }],
  ['a pattern for an account', { principals: { 'key:ci': { accounts: ['2222*'] } } }],
  ['a pattern for an organization', { principals: { 'key:ci': { organizations: ['arn:aws:*'] } } }],
  ['a pattern for a key', { principals: { 'key:ci': { kmsKeys: ['alias/*'] } } }],
  ['a key that no request can name', { principals: { 'key:ci': { kmsKeys: ['ami'] } } }],
  ['a pattern for keys as principals', { principals: { 'key:*': {} } }],
  ['a pattern for subjects', { principals: { 'oidc:*@example.com': {} } }],
  ['a principal of no kind', { principals: { ci: {} } }],
  ['"*" for a list', { principals: { 'key:ci': { accounts: '*' } } }],
  ['"true" for true', { principals: { 'key:ci': { allowPublic: 'true' } } }],
  ['null for a list', { principals: { 'key:ci': { accounts: null } } }],
  ['rules that are no object', { principals: { 'key:ci': [] } }],
  ['a misspelt field beside', { principals: {}, principal: {} }],
  ['"true" for true', { principals: { 'key:ci': { allowPublic: 'true' } } }],
  ['a principal of no known kind', { principals: { ci: {} } }],
  ['a list for the principals', { principals: [] }],
])('%s is invalid', async (_name, policy) => {
  await write(policy);
  expect(() => openPolicyFile(file)).toThrow(`${file} is invalid`);
});

test('a new version is taken over; a bad one is logged, and the one before stays in force', async () => {
  await write({ principals: { 'key:ci': { accounts: ['222222222222'] } } });
  const { logger, lines } = logLines();
  const policy = openPolicyFile(file);
  await write({ principals: { 'key:ci': { accounts: ['333333333333'] } } });
  policy.reload(logger);
  const second = policy.current();
  expect(rulesFor(second, 'key:ci')?.accounts).toEqual(['333333333333']);
  for (const bad of ['', '{"principals": {"key:ci": {"accounts": "*"}}}']) {
    await write(bad);
    policy.reload(logger);
    expect(policy.current()).toBe(second);
    expect(lines.at(-1)).toMatch(/stays in force/);
  }
  await rm(file);
  policy.reload(logger);
  expect(policy.current()).toBe(second);
});

const accountsNow = (policy: ReturnType<typeof openPolicyFile>) =>
  rulesFor(policy.current(), 'key:ci')?.accounts;
const allowing = (account: string) => ({ principals: { 'key:ci': { accounts: [account] } } });

test('a look takes over what has changed, and says once what is invalid', async () => {
  await write(allowing('222222222222'));
  const { logger, lines } = logLines();
  const policy = openPolicyFile(file);
  await policy.look(logger);
  expect(lines).toEqual([]);

  // As long as the one before, and so told from it by neither size nor a coarse time of change.
  await write(allowing('333333333333'));
  await policy.look(logger);
  expect(accountsNow(policy)).toEqual(['333333333333']);
  expect(lines).toEqual([expect.stringMatching(/file read again/)]);

  for (const spoil of [() => write('{'), () => rm(file)]) {
    lines.length = 0;
    await spoil();
    for (let times = 0; times < 3; times += 1) await policy.look(logger);
    expect(lines).toEqual([expect.stringMatching(/"level":50.*stays in force/)]);
    expect(accountsNow(policy)).toEqual(['333333333333']);
    expect(policy.stale).toBe(true);
  }
  await write(allowing('444444444444'));
  await policy.look(logger);
  expect(policy.stale).toBe(false);
  expect(accountsNow(policy)).toEqual(['444444444444']);
});

test('a mounted secret of Kubernetes changes as a link that is put in place of another', async () => {
  const version = async (name: string, account: string) => {
    await mkdir(join(dir, name));
    await writeFile(join(dir, name, 'policy.json'), JSON.stringify(allowing(account)));
    await symlink(name, join(dir, '..data_tmp'));
    await rename(join(dir, '..data_tmp'), join(dir, '..data'));
  };
  await version('..2026_11_24_1', '222222222222');
  await symlink(join('..data', 'policy.json'), file);
  const { logger } = logLines();
  const policy = openPolicyFile(file);
  expect(accountsNow(policy)).toEqual(['222222222222']);
  await version('..2026_11_24_2', '333333333333');
  await policy.look(logger);
  expect(accountsNow(policy)).toEqual(['333333333333']);
});

test('a pipe in the place of the file holds up neither the next look nor the exit', async () => {
  await write({ principals: {} });
  const policy = openPolicyFile(file);
  const before = policy.current();
  await rm(file);
  execFileSync('mkfifo', [file]);
  const { logger } = logLines();
  try {
    await policy.look(logger);
    policy.reload(logger);
    expect(policy.stale).toBe(true);
    expect(policy.current()).toBe(before);
  } finally {
    // Lets go whoever waits for somebody to write.
    await (await open(file, constants.O_RDWR | constants.O_NONBLOCK)).close();
  }
  await rm(file);
  await write({ principals: { 'key:ci': {} } });
  await policy.look(logger);
  expect(policy.stale).toBe(false);
});
