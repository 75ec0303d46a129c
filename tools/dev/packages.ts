/** A package manager of the system. */
export type Manager = 'apt-get' | 'dnf' | 'brew';

export type Need = 'redis' | 'chromium';

/**
 * The packages of each need, as alternatives in the syntax of a Debian control file, the preferred one first. Fedora has Valkey, a
 * fork of Redis, instead of Redis. The headless shell is Chromium without windows, which needs half the CPU time.
 */
const PACKAGES: Record<Manager, Record<Need, string[]>> = {
  'apt-get': { redis: ['redis-server'], chromium: ['chromium-headless-shell | chromium'] },
  dnf: { redis: ['valkey'], chromium: ['chromium'] },
  brew: { redis: ['redis'], chromium: ['--cask', 'google-chrome'] },
};

/** Options of apt-get: wait for another apt-get to end, and ask no questions. */
const APT = ['apt-get', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::Retries=3'];

/** Finds the package manager of this system. @param has whether a command is on the PATH */
export function detectManager(
  platform: NodeJS.Platform,
  has: (command: string) => boolean,
): Manager | undefined {
  const candidates: Manager[] = platform === 'darwin' ? ['brew'] : ['apt-get', 'dnf', 'brew'];
  return candidates.find(has);
}

/** The commands that install what is needed. */
export function installCommands(manager: Manager, needs: readonly Need[]): string[][] {
  const packages = PACKAGES[manager];
  if (manager === 'brew') return needs.map((need) => ['brew', 'install', ...packages[need]]);
  const names = needs.flatMap((need) => packages[need]);
  if (manager === 'dnf') return [['dnf', 'install', '-y', '--setopt=install_weak_deps=False', ...names]];
  const quietly = ['env', 'DEBIAN_FRONTEND=noninteractive', ...APT];
  // Missing or old package lists name packages that the mirrors no longer have.
  return [
    [...quietly, 'update'],
    // Unlike "install", "satisfy" accepts alternatives.
    [...quietly, 'satisfy', '-y', '--no-install-recommends', ...names],
  ];
}

export interface Privileges {
  root: boolean;
  /** Whether sudo is on the PATH. */
  sudo: boolean;
  /** Whether the user can type a password. */
  terminal: boolean;
}

/** Adds the privileges that a command needs; undefined if they are not available. */
export function asRoot(manager: Manager, command: readonly string[], have: Privileges): string[] | undefined {
  // Homebrew refuses to run as root.
  if (manager === 'brew' || have.root) return [...command];
  if (!have.sudo) return undefined;
  return ['sudo', ...(have.terminal ? [] : ['-n']), ...command];
}
