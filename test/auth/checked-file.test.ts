import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseApiKeys } from '../../src/auth/api-keys.ts';
import { CheckedFile } from '../../src/checked-file.ts';
import { openPolicyFile, parsePolicy } from '../../src/auth/policy-file.ts';
import { logLines } from '../helpers/log-lines.ts';

const MIB = 1024 * 1024;

let dir: string;
let path: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'amiferry-file-'));
  path = join(dir, 'policy.json');
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const accounts = (count: number, ...more: string[]) =>
  JSON.stringify({
    principals: {
      'key:ci': { accounts: [...Array.from({ length: count }, (_, i) => String(1e11 + i)), ...more] },
    },
  });

test.each(['look', 'reload'] as const)(
  'a file that is too large (%s) leaves the one before in force',
  async (how) => {
    await writeFile(path, accounts(1));
    const file = openPolicyFile(path);
    const before = file.current();
    const { logger, lines } = logLines();
    await truncate(path, 2 * MIB + 1);
    await file[how](logger);
    expect([file.stale, file.current()]).toEqual([true, before]);
    expect(lines).toEqual([
      expect.stringContaining('"why":"it has 2097153 bytes, and 2097152 are the most that is read"'),
    ]);
    await writeFile(path, accounts(2));
    await file[how](logger);
    expect([file.stale, file.current().principals['key:ci']?.accounts.length]).toEqual([false, 2]);
  },
);

test('a file that is too large stops the start, and is not read', async () => {
  // Nothing but a size: reading it would take more memory than there is.
  await writeFile(path, '');
  await truncate(path, 1024 * 1024 * MIB);
  expect(() => new CheckedFile('POLICY_FILE', path, () => null)).toThrow(/are the most that is read/);
});

test('a list of a hundred thousand entries is checked to its end', () => {
  expect(parsePolicy(accounts(100_000)).principals['key:ci']?.accounts).toHaveLength(100_000);
  expect(() => parsePolicy(accounts(100_000, 'eu-*'))).toThrow(
    /^\/principals\/key:ci\/accounts\/100000 must match pattern/,
  );
});

test('names that are invalid are told by name, however many there are', () => {
  const principals = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`x${i}`, {}]));
  expect(() => parsePolicy(JSON.stringify({ principals }))).toThrow(/^\/principals\/x0 must match pattern/);
});

test('a key that occurs twice among thousands is found', () => {
  const key = (n: number) => ({
    id: n.toString(16).padStart(12, '0'),
    name: 'ci',
    sha256: '0'.repeat(64),
    scopes: [],
    createdAt: '2026-01-01T00:00:00Z',
    expiresAt: null,
  });
  const keys = Array.from({ length: 8000 }, (_, i) => key(i));
  expect(parseApiKeys(JSON.stringify({ keys }))).toHaveLength(8000);
  expect(() => parseApiKeys(JSON.stringify({ keys: [...keys, key(7)] }))).toThrow(
    'the key 000000000007 occurs twice',
  );
});
