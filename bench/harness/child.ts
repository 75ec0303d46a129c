import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { stopChild } from '../../tools/dev/stop-child.ts';
import { tether } from '../../tools/dev/tether.ts';
import type { Bench } from '../benchmark.ts';

export interface ChildOptions {
  name: string;
  /** Its entry point, from the project's directory. */
  script: string;
  env: NodeJS.ProcessEnv;
}

export interface Child {
  pid: number;
  /** Milliseconds from its start until this address answers 200. @throws when it ends before, or takes a minute */
  readyAfter(url: string): Promise<number>;
  /** What it has written so far. */
  written(): string;
  stop(): Promise<void>;
}

const PATIENCE_MS = 60_000;
const POLL_MS = 4;
let started = 0;

/** Runs a script as a real process, with the node that runs us. What it writes goes to a file: reading it would cost. */
export async function startChild(
  { dir, unwind }: Bench,
  { name, script, env }: ChildOptions,
): Promise<Child> {
  mkdirSync(dir, { recursive: true });
  const log = join(dir, `${name}-${(started += 1)}.log`);
  const output = openSync(log, 'w');
  const began = performance.now();
  const child = spawn(process.execPath, ['--import', './src/bin/require-node.js', script], {
    cwd: PROJECT_DIR,
    env,
    detached: true,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  tether(child);
  const stop = () => stopChild(child, 10_000);
  await unwind.add(name, stop);

  const readyAfter = async (url: string) => {
    while (!(await answers(url))) {
      if (child.exitCode !== null || performance.now() - began > PATIENCE_MS)
        throw new Error(`${name} is not ready:\n${readFileSync(log, 'utf8').slice(-2000)}`);
      await sleep(POLL_MS);
    }
    return performance.now() - began;
  };
  const written = () => readFileSync(log, 'utf8');
  return { pid: child.pid ?? 0, readyAfter, written, stop };
}

function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false }, (response) => {
      response.resume().once('close', () => resolve(response.statusCode === 200));
    });
    request.once('error', () => resolve(false));
  });
}
