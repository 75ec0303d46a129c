import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROJECT_DIR } from './project.ts';
import { stopChild } from './stop-child.ts';
import { tether } from './tether.ts';

export interface ServiceOptions {
  name: string;
  /** The path of the entry point in the project. */
  entry: string;
  env: NodeJS.ProcessEnv;
  /** The address that answers 200 when the process is ready. */
  readyUrl: string;
  /** Called with each line of output. */
  onLine: (name: string, line: string) => void;
}

export interface Service {
  name: string;
  pid: number;
  /** Resolves to the exit code or signal once the process has ended. */
  ended: Promise<string>;
  /** Resolves once the process is ready. @throws if it ends before, or is not ready within a minute */
  ready(): Promise<void>;
  /** Sends SIGTERM, and SIGKILL after `patience` milliseconds. */
  stop(patience: number): Promise<void>;
}

const READY_MS = 60_000;

/** Runs an entry point as a child that ends with this process. */
export function startService(options: ServiceOptions): Service {
  const { name, env, onLine } = options;
  const child = spawn(
    process.execPath,
    ['--import', join(PROJECT_DIR, 'src/bin/require-node.js'), join(PROJECT_DIR, options.entry)],
    {
      env,
      // Its own process group, so that only this process gets Ctrl-C and decides in which order the parts stop.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  tether(child);
  for (const input of [child.stdout, child.stderr])
    createInterface({ input }).on('line', (line) => onLine(name, line));
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code ?? 'unknown'}`));
  });
  return {
    name,
    pid: child.pid ?? 0,
    ended,
    ready: () => untilReady(options, ended),
    stop: (patience) => stopChild(child, patience),
  };
}

async function untilReady({ name, readyUrl }: ServiceOptions, ended: Promise<string>): Promise<void> {
  const over = new AbortController();
  const death = ended.then((how) => {
    throw new Error(`The ${name} ended before it was ready (${how})`);
  });
  try {
    await Promise.race([poll(name, readyUrl, over.signal), death]);
  } finally {
    over.abort();
    death.catch(() => {});
  }
}

async function poll(name: string, url: string, over: AbortSignal): Promise<void> {
  const deadline = Date.now() + READY_MS;
  let last = 'no answer';
  while (!over.aborted) {
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(2000) });
      const body = await answer.text();
      if (answer.ok) return;
      last = `${answer.status} ${body}`;
    } catch (error) {
      last = String(error);
    }
    if (Date.now() > deadline)
      throw new Error(`The ${name} is not ready after ${READY_MS / 1000} s: ${last}`);
    await sleep(100);
  }
}
