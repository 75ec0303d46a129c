/** A package manager of the system. */
export type Manager = 'apt-get' | 'dnf' | 'brew';

export type Need = 'redis' | 'chromium';

/**
 * What each need is called there, alternatives with the preferred one first, as a Debian control file has them. Fedora has Valkey, the
 * free continuation of Redis, in Redis' place. The headless shell is Chromium without a browser's windows: it takes half the CPU time.
 */
const PACKAGES: Record<Manager, Record<Need, string[]>> = {
  'apt-get': { redis: ['redis-server'], chromium: ['chromium-headless-shell | chromium'] },
  dnf: { redis: ['valkey'], chromium: ['chromium'] },
  brew: { redis: ['redis'], chromium: ['--cask', 'google-chrome'] },
};

/** Waits for another apt-get to end, and asks nothing. */
const APT = ['apt-get', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::Retries=3'];

/** Which of them this system has. `has` tells whether a command is on the PATH. */
export function detectManager(
  platform: NodeJS.Platform,
  has: (command: string) => boolean,
): Manager | undefined {
  const candidates: Manager[] = platform === 'darwin' ? ['brew'] : ['apt-get', 'dnf', 'brew'];
  return candidates.find(has);
}

/** The commands, as root where the manager asks for it, that install what is needed. */
export function installCommands(manager: Manager, needs: readonly Need[]): string[][] {
  const packages = PACKAGES[manager];
  if (manager === 'brew') return needs.map((need) => ['brew', 'install', ...packages[need]]);
  const names = needs.flatMap((need) => packages[need]);
  if (manager === 'dnf') return [['dnf', 'install', '-y', '--setopt=install_weak_deps=False', ...names]];
  const quietly = ['env', 'DEBIAN_FRONTEND=noninteractive', ...APT];
  // Lists that are missing or old name packages that the mirrors don't have: a few seconds are well spent.
  return [
    [...quietly, 'update'],
    // Unlike "install", "satisfy" takes alternatives.
    [...quietly, 'satisfy', '-y', '--no-install-recommends', ...names],
  ];
}

export interface Privileges {
  root: boolean;
  /** Whether sudo is on the PATH. */
  sudo: boolean;
  /** Whether a password can be typed. */
  terminal: boolean;
}

/** The same command with the privileges it takes; undefined where there is no way to get them. */
export function asRoot(manager: Manager, command: readonly string[], have: Privileges): string[] | undefined {
  // Homebrew refuses to run as root.
  if (manager === 'brew' || have.root) return [...command];
  if (!have.sudo) return undefined;
  return ['sudo', ...(have.terminal ? [] : ['-n']), ...command];
}
