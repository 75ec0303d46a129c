import { spawnSync } from 'node:child_process';
import { findChromium } from '../dev/chromium.ts';
import { asRoot, detectManager, installCommands } from '../dev/packages.ts';
import type { Need } from '../dev/packages.ts';
import { findOnPath, findRedisServer } from '../dev/redis-server.ts';

/**
 * `npm run setup` installs Redis if it is missing, `npm run setup -- test` Chromium too, from the system's packages. No Redis
 * service has to run: commands that need one start a private server.
 */
const FINDERS: Record<Need, () => string | undefined> = { redis: findRedisServer, chromium: findChromium };
const say = (text: string) => process.stdout.write(`${text}\n`);

const [mode, ...more] = process.argv.slice(2);
if ((mode !== undefined && mode !== 'test') || more.length > 0)
  fail('Usage: npm run setup, or npm run setup -- test');
const needs: Need[] = mode === 'test' ? ['redis', 'chromium'] : ['redis'];
const missing = needs.filter((need) => FINDERS[need]() === undefined);
if (missing.length > 0) install(missing);
for (const need of needs) say(`${need}: ${FINDERS[need]() ?? 'missing'}`);
say(
  missing.length === 0
    ? 'Nothing to install.'
    : `Installed ${missing.join(' and ')}. A service that came with it is not needed.`,
);

/** Installs what is missing. Only what is missing afterwards is an error, since one of several package sources may be broken. */
function install(wanted: readonly Need[]): void {
  const manager = detectManager(process.platform, (command) => findOnPath(command) !== undefined);
  if (manager === undefined)
    fail(`Missing: ${wanted.join(', ')}. This system has no apt-get, dnf or brew: install them yourself.`);
  const privileges = {
    root: process.getuid?.() === 0,
    sudo: findOnPath('sudo') !== undefined,
    terminal: process.stdin.isTTY,
  };
  const commands = installCommands(manager, wanted);
  const allowed = commands
    .map((command) => asRoot(manager, command, privileges))
    .filter((command) => command !== undefined);
  if (allowed.length === 0)
    fail(
      `Missing: ${wanted.join(', ')}. Installing needs root, and sudo is not available. Run as root: ${inShell(commands)}`,
    );
  const failures = allowed.flatMap(run);
  const still = wanted.filter((need) => FINDERS[need]() === undefined);
  if (still.length === 0) return;
  const hint =
    failures.length === 0
      ? []
      : ['Their output is above. Installing packages needs a network, and root or sudo.'];
  fail([...failures, ...hint, `Still missing: ${still.join(', ')}.`].join('\n'));
}

function inShell(commands: readonly (readonly string[])[]): string {
  return commands.map(asTyped).join(' && ');
}

/** A command in shell syntax. */
function asTyped(words: readonly string[]): string {
  return words.map((word) => (/[\s|]/.test(word) ? `'${word}'` : word)).join(' ');
}

/** Runs a command with its output shown here. @returns what failed, if anything */
function run(command: readonly string[]): string[] {
  say(`$ ${asTyped(command)}`);
  const [name = '', ...rest] = command;
  const { status, signal, error } = spawnSync(name, rest, { stdio: 'inherit' });
  return status === 0
    ? []
    : [`Failed (${error?.message ?? signal ?? `exit code ${status}`}): ${asTyped(command)}`];
}

function fail(reason: string): never {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}
