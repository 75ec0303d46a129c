import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { pause } from './waiting.ts';

/** Whether a process of that id runs. One that has ended and that nobody has waited for does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch {
    return false;
  }
}

/** In a container whose first process waits for nobody, an orphan stays in the table for good. Linux only. */
function isZombie(pid: number): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

export interface Run {
  pid: number;
  /** What it wrote so far, to stdout and stderr. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  /** Resolves once the output holds this; rejects, with all of it, when it ends before that. */
  untilSays(what: string | RegExp): Promise<RegExpMatchArray>;
  /** Resolves to its exit code, or null where a signal ended it. */
  ended: Promise<number | null>;
}

/** Runs an entry point, by its path in `dir`, as `npm run` does. Its environment is ours, changed by `env`; undefined removes. */
export function runEntry(
  dir: string,
  entry: string,
  env: Record<string, string | undefined> = {},
  args: readonly string[] = [],
): Run {
  const all = ['--import', './src/bin/require-node.js', entry, ...args];
  return runCommand(dir, process.execPath, all, env);
}

/** Runs a script of package.json, as people do. The process is npm's own. */
export function runScript(dir: string, script: string, env: Record<string, string | undefined> = {}): Run {
  return runCommand(dir, 'npm', ['run', script], env);
}

/** Runs a command. Its environment is ours, changed by `env`; undefined removes. */
export function runCommand(
  cwd: string,
  command: string,
  args: readonly string[],
  env: Record<string, string | undefined>,
): Run {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    pid: child.pid ?? 0,
    output: () => output,
    kill: (signal) => child.kill(signal),
    ended,
    untilSays: async (what) => {
      let over = false;
      void ended.then(() => (over = true));
      for (;;) {
        const found = output.match(what);
        if (found !== null) return found;
        if (over) throw new Error(`It ended without saying ${String(what)}:\n${output}`);
        await pause();
      }
    },
  };
}
