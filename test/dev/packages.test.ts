import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { asRoot, detectManager, installCommands } from '../../tools/dev/packages.ts';

describe('detectManager', () => {
  test.each([
    ['linux', ['apt-get'], 'apt-get'],
    ['linux', ['dnf'], 'dnf'],
    ['linux', ['brew', 'apt-get'], 'apt-get'],
    ['linux', ['brew'], 'brew'],
    ['darwin', ['brew'], 'brew'],
    ['darwin', ['apt-get'], undefined],
    ['linux', [], undefined],
  ] as const)('%s with %j on the PATH: %s', (platform, commands, manager) => {
    expect(detectManager(platform, (command) => commands.some((one) => one === command))).toBe(manager);
  });
});

describe('installCommands', () => {
  const lines = (...of: Parameters<typeof installCommands>) =>
    installCommands(...of).map((one) => one.join(' '));

  test('apt-get: fresh lists first, no questions, nothing that is only recommended', () => {
    const [update, install, ...rest] = lines('apt-get', ['redis', 'chromium']);
    expect(update).toMatch(/^env DEBIAN_FRONTEND=noninteractive apt-get .*update$/);
    expect(install).toMatch(
      /^env DEBIAN_FRONTEND=noninteractive apt-get .*satisfy -y --no-install-recommends redis-server chromium-headless-shell \| chromium$/,
    );
    expect(rest).toEqual([]);
  });

  test('dnf and brew', () => {
    expect(lines('dnf', ['redis'])).toEqual(['dnf install -y --setopt=install_weak_deps=False valkey']);
    expect(lines('brew', ['redis', 'chromium'])).toEqual([
      'brew install redis',
      'brew install --cask google-chrome',
    ]);
  });
});

describe('asRoot', () => {
  test.each([
    ['apt-get', { root: true, sudo: false, terminal: false }, ['do']],
    ['apt-get', { root: false, sudo: true, terminal: true }, ['sudo', 'do']],
    ['dnf', { root: false, sudo: true, terminal: false }, ['sudo', '-n', 'do']],
    ['apt-get', { root: false, sudo: false, terminal: true }, undefined],
    ['brew', { root: false, sudo: true, terminal: true }, ['do']],
  ] as const)('%s with %j: %j', (manager, privileges, whole) => {
    expect(asRoot(manager, ['do'], privileges)).toEqual(whole);
  });
});

/** `npm run setup` for real, where the system's commands are small scripts that note how they were called. */
describe('setup', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'amiferry-setup-'));
    for (const tool of ['env', 'sh']) await symlink(`/usr/bin/${tool}`, join(dir, tool));
  });
  afterEach(() => rm(dir, { recursive: true }));

  async function command(name: string, body: string): Promise<void> {
    await writeFile(join(dir, name), `#!/bin/sh\n${body}\n`);
    await chmod(join(dir, name), 0o755);
  }

  function setup(...words: string[]) {
    const script = join(import.meta.dirname, '../../tools/bin/setup.ts');
    return spawnSync(process.execPath, [script, ...words], { encoding: 'utf8', env: { PATH: dir } });
  }

  const aptGet = (install: string) =>
    command('apt-get', `echo "apt-get $*"\ncase "$*" in *satisfy*) ${install} ;; esac\nexit 0`);
  const asIfRoot = () => command('sudo', 'while [ "$1" = -n ]; do shift; done; exec "$@"');

  test('does nothing where nothing is missing', async () => {
    await command('redis-server', '');
    await command('chromium', '');
    const { status, stdout } = setup('test');
    expect(stdout).toContain('Nothing to install.');
    expect(status).toBe(0);
  });

  test('installs what is missing, and just that', async () => {
    await command('chromium', '');
    await asIfRoot();
    await aptGet(`printf '#!/bin/sh\\n' > ${dir}/redis-server; /bin/chmod 755 ${dir}/redis-server`);
    const { status, stdout } = setup('test');
    expect(stdout).toMatch(
      /apt-get .* update\n[\s\S]*apt-get .* satisfy -y --no-install-recommends redis-server\n/,
    );
    expect(stdout).toContain('Installed redis.');
    expect(status).toBe(0);
    expect(setup('test').stdout).toContain('Nothing to install.');
  });

  test('says what failed when packages cannot be had', async () => {
    await asIfRoot();
    await aptGet('echo "E: Failed to fetch" >&2; exit 100');
    const { status, stderr } = setup();
    expect(stderr).toMatch(
      /E: Failed to fetch[\s\S]*Failed \(exit code 100\): .*redis-server\n.*network.*\nStill missing: redis\./,
    );
    expect(status).toBe(1);
  });

  test('says so where there is no package manager', () => {
    const { status, stderr } = setup();
    expect(stderr).toMatch(
      /^Missing: redis\. This system has no apt-get, dnf or brew: install them yourself\.\n$/,
    );
    expect(status).toBe(1);
  });

  test('a word that it does not know is refused', () => {
    expect(setup('tests')).toMatchObject({ status: 1, stderr: expect.stringContaining('Usage') });
  });
});
