import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { pause } from './waiting.ts';

/** Whether a process runs. A zombie counts as ended. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch {
    return false;
  }
}

/** Whether a process is a zombie: in a container whose first process reaps no children, an orphan remains one. Linux only. */
function isZombie(pid: number): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

export interface Run {
  pid: number;
  /** Its output so far, to stdout and stderr. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  /** Resolves once the output contains a text; rejects with the output if the process ends before. */
  untilSays(what: string | RegExp): Promise<RegExpMatchArray>;
  /** Resolves to the exit code, or null if a signal ended the process. */
  ended: Promise<number | null>;
}

/** Runs an entry point of `dir` as `npm run` does, with this process' environment changed by `env`; undefined removes a variable. */
export function runEntry(
  dir: string,
  entry: string,
  env: Record<string, string | undefined> = {},
  args: readonly string[] = [],
): Run {
  const all = ['--import', './src/bin/require-node.js', entry, ...args];
  return runCommand(dir, process.execPath, all, env);
}

/** Runs a script of package.json. The process is npm's. */
export function runScript(dir: string, script: string, env: Record<string, string | undefined> = {}): Run {
  return runCommand(dir, 'npm', ['run', script], env);
}

/** Runs a command with this process' environment changed by `env`; undefined removes a variable. */
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
        if (over) throw new Error(`The process ended without the output ${String(what)}:\n${output}`);
        await pause();
      }
    },
  };
}
