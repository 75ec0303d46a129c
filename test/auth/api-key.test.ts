import { chmod, chown, lstat, mkdtemp, readFile, rename } from 'node:fs/promises';
import { rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ApiKey } from '../../src/auth/api-keys.ts';
import { apiKeyCommand } from '../../src/auth/api-key-command.ts';
import { newApiKey, parseApiKeys, principalOfKey } from '../../src/auth/api-keys.ts';
import { ConfigError } from '../../src/errors.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { runEntry } from '../helpers/processes.ts';

const DAY = 86_400_000;

describe('a key', () => {
  test('is 256 random bits, and only its hash is kept', () => {
    const { secret, key } = newApiKey('ci', ['amis:read'], null);
    const [, random = ''] = /^amiferry_[0-9a-f]{12}_([A-Za-z0-9_-]{43})$/.exec(secret) ?? [];
    expect(Buffer.from(random, 'base64url')).toHaveLength(32);
    expect(JSON.stringify(key)).not.toContain(random);
    expect(newApiKey('ci', ['amis:read'], null).secret).not.toBe(secret);
  });

  test('is good until it expires, whole, and for nobody else', () => {
    const { secret, key } = newApiKey('ci', ['amis:read', 'amis:copy'], new Date(1000));
    expect(principalOfKey([key], secret, 999)).toEqual({
      id: 'key:ci',
      credential: `key ${key.id}`,
      scopes: new Set(['amis:read', 'amis:copy']),
      expiresAt: 1000,
    });
    for (const other of [secret.slice(0, -1), `${secret} `, secret.toUpperCase(), key.sha256, key.id, ''])
      expect(principalOfKey([key], other, 999)).toBeNull();
    expect(principalOfKey([key], secret, 1000)).toBeNull();
    expect(principalOfKey([], secret, 999)).toBeNull();
  });
});

test('a key whose end is no time, written by hand, is invalid', () => {
  const { secret, key } = newApiKey('ci', ['amis:read'], null);
  expect(principalOfKey([{ ...key, expiresAt: '2026-11-24T99:99Z' }], secret, 0)).toBeNull();
});

test('two keys of one id are invalid: revoking the first would let the second in', () => {
  const { key } = newApiKey('ci', ['amis:read'], null);
  const text = JSON.stringify({ keys: [key, { ...key, name: 'other' }] });
  expect(() => parseApiKeys(text)).toThrow(`the key ${key.id} occurs twice`);
});

describe('npm run api-key', () => {
  let dir: string;
  let file: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'amiferry-keys-'));
    file = join(dir, 'keys.json');
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  /** The command as a process of its own. */
  async function runProcess(...args: string[]): Promise<{ code: number | null; output: string }> {
    const child = runEntry(PROJECT_DIR, 'src/bin/api-key.ts', { API_KEYS_FILE: file }, args);
    return { code: await child.ended, output: child.output() };
  }

  /** The same command in this process. */
  async function run(...args: string[]): Promise<{ code: number; output: string }> {
    let output = '';
    const write = (text: string) => void (output += text);
    try {
      apiKeyCommand(args, { API_KEYS_FILE: file }, { out: write, note: write });
      return { code: 0, output };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return { code: 1, output: `${output}${error.message}` };
    }
  }

  test('is a process that says what is wrong in one line, and exits with 1', async () => {
    const { code, output } = await runProcess('revoke', '000000000000');
    expect([code, output.trim()]).toEqual([1, 'There is no key 000000000000: "list" shows the ids.']);
  });

  test('makes a key that is shown once, lists it without, and revokes it', async () => {
    const made = await runProcess('create', 'ci', '--scopes', 'amis:read,amis:copy', '--expires', '90d');
    expect(made.code, made.output).toBe(0);
    const [secret = ''] = /amiferry_\S+/.exec(made.output) ?? [];
    const keys = parseApiKeys(await readFile(file, 'utf8'));
    expect(principalOfKey(keys, secret, Date.now())?.id).toBe('key:ci');
    expect(principalOfKey(keys, secret, Date.now() + 91 * DAY)).toBeNull();
    expect((await stat(file)).mode & 0o777).toBe(0o600);

    const listed = await run('list');
    expect(listed.output).toMatch(/^[0-9a-f]{12} {2}key:ci {2}amis:read,amis:copy {2}made .* expires /);
    expect(listed.output).not.toContain(secret.slice(22));
    expect((await run('revoke', keys[0]?.id ?? '')).code).toBe(0);
    expect(parseApiKeys(await readFile(file, 'utf8'))).toEqual([]);
  });

  const find = (keys: ApiKey[], secret: string, now = Date.now()) => principalOfKey(keys, secret, now);
  const secretIn = (output: string) => /amiferry_\S+/.exec(output)?.[0] ?? '';
  const kept = async () => parseApiKeys(await readFile(file, 'utf8'));

  test('rotates a key: the new one has its name, scopes and length of life, the old one some days yet', async () => {
    const old = secretIn((await run('create', 'ci', '--scopes', 'amis:copy', '--expires', '90d')).output);
    const id = (await kept())[0]?.id ?? '';
    const { code, output } = await run('rotate', id, '--keep', '3d');
    expect(code, output).toBe(0);
    const keys = await kept();
    for (const [secret, last] of [
      [old, 3],
      [secretIn(output), 90],
    ] as const) {
      expect(find(keys, secret)).toMatchObject({ id: 'key:ci', scopes: new Set(['amis:copy']) });
      expect(find(keys, secret, Date.now() + (last - 0.01) * DAY)).not.toBeNull();
      expect(find(keys, secret, Date.now() + (last + 0.01) * DAY)).toBeNull();
    }
    expect((await run('rotate', id, '--keep', '9d')).code).toBe(0);
    // What ends sooner keeps its end.
    expect(find(await kept(), old, Date.now() + 4 * DAY)).toBeNull();
  });

  test('a file that is there keeps its owner, mode and place, so that the API can read it on', async () => {
    await run('create', 'ci', '--scopes', 'amis:read');
    const real = join(dir, 'real.json');
    await rename(file, real);
    await chmod(real, 0o640);
    await symlink(real, file);
    const isRoot = process.getuid?.() === 0;
    if (isRoot) await chown(real, 12_345, 23_456);
    expect((await run('create', 'ci', '--scopes', 'amis:read')).code).toBe(0);
    expect((await lstat(file)).isSymbolicLink()).toBe(true);
    const { mode, uid, gid } = await stat(real);
    expect(mode & 0o777).toBe(0o640);
    if (isRoot) expect([uid, gid]).toEqual([12_345, 23_456]);
    expect(await kept()).toHaveLength(2);
  });

  test('of two who change it at once neither loses his change: the second is told', async () => {
    await writeFile(`${file}.new`, '');
    const { code, output } = await run('create', 'ci', '--scopes', 'amis:read');
    expect([code, output]).toEqual([1, expect.stringContaining('another process is changing the keys')]);
    await rm(`${file}.new`);
    const made = await Promise.all([1, 2, 3].map(() => runProcess('create', 'ci', '--scopes', 'amis:read')));
    const good = made.filter((one) => one.code === 0);
    expect(await kept()).toHaveLength(good.length);
    expect(good.length).toBeGreaterThan(0);
  });

  test.each([
    [['create', 'ci'], /--scopes/],
    [['create', 'ci', '--scopes', 'amis:raed'], /--scopes takes/],
    [['create', 'a b', '--scopes', 'amis:read'], /A name has/],
    [['create', 'ci', '--scopes', 'amis:read', '--expires', 'soon'], /--expires/],
    [['revoke', '000000000000'], /no key 000000000000/],
    [['rotate', '000000000000'], /no key 000000000000/],
    [['rotate', '000000000000', '--keep', 'long'], /no key|--keep/],
    [['frobnicate'], /npm run api-key/],
    [['list', '--all'], /--all/],
  ])('%j ends with what is wrong, and changes nothing', async (args, message) => {
    const { code, output } = await run(...args);
    expect(code).toBe(1);
    expect(output).toMatch(message);
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('tells in one line of a folder that is not there, and of a file that is invalid', async () => {
    const good = file;
    file = join(dir, 'missing', 'keys.json');
    const unwritten = await run('create', 'ci', '--scopes', 'amis:read');
    expect(unwritten.code).toBe(1);
    expect(unwritten.output.trim()).toMatch(/^\S+ can't be written: ENOENT.*$/);
    file = good;
    await writeFile(file, '{"keys": [{}]}');
    const unread = await run('list');
    expect(unread.code).toBe(1);
    expect(unread.output.trim()).toMatch(/^\S+ is invalid: \/keys\/0 .*$/);
  });
});
