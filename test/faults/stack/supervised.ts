import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stopChild } from '../../../tools/dev/stop-child.ts';
import { tether } from '../../../tools/dev/tether.ts';
import { until } from '../../helpers/waiting.ts';

export interface SupervisedOptions {
  name: string;
  /** The project's directory, or that of a copy of it. */
  dir: string;
  /** The path of its entry point in the project. */
  entry: string;
  env: NodeJS.ProcessEnv;
  /** Answers 200 as soon as it is ready. */
  readyUrl: string;
  log(line: string): void;
  /** Hears of an end that nobody here asked for. */
  onCrash(how: string): void;
}

/** One of our processes, started again whenever it ends, as a supervisor does in production. */
export class Supervised {
  readonly #options: SupervisedOptions;
  #child: ChildProcess | undefined;
  #stopping = false;
  /** Pids that were sent an ending signal. */
  readonly #doomed = new Set<number>();
  /** What its environment has beside what it was made with. */
  #more: NodeJS.ProcessEnv = {};
  /** Set while it is stopped by SIGSTOP. */
  paused = false;

  constructor(options: SupervisedOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  start(): void {
    const { name, dir, entry, log } = this.#options;
    const child = spawn(
      process.execPath,
      ['--import', join(dir, 'src/bin/require-node.js'), join(dir, entry)],
      {
        env: { ...this.#options.env, ...this.#more },
        // Out of reach of Ctrl-C, so that we decide on the order in which things stop.
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    tether(child);
    this.#child = child;
    this.paused = false;
    for (const input of [child.stdout, child.stderr])
      createInterface({ input }).on('line', (line) => log(`${name} ${line}`));
    child.once('close', (code, signal) => this.#ended(child, signal ?? `exit code ${code ?? 'unknown'}`));
    log(`${name} started as ${child.pid ?? 'nothing'}`);
  }

  #ended(child: ChildProcess, how: string): void {
    this.#options.log(`${this.name} ${child.pid ?? ''} ended: ${how}`);
    if (this.#stopping) return;
    if (!this.#doomed.has(child.pid ?? 0)) this.#options.onCrash(`${this.name} ended of itself: ${how}`);
    this.start();
  }

  /** Sends a signal that ends it; it is started again. */
  kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): void {
    this.#options.log(`${this.name} ${this.pid} gets ${signal}`);
    this.#doomed.add(this.pid);
    this.#child?.kill(signal);
  }

  /** kill -9; it comes back with these variables beside its own, until the next time. */
  async restartWith(more: NodeJS.ProcessEnv): Promise<void> {
    const { pid } = this;
    this.#more = more;
    this.kill();
    await until(() => this.pid !== pid);
    await this.ready();
  }

  pause(): void {
    this.#options.log(`${this.name} ${this.pid} paused`);
    this.paused = true;
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    if (!this.paused) return;
    this.#options.log(`${this.name} ${this.pid} goes on`);
    this.paused = false;
    this.#child?.kill('SIGCONT');
  }

  /** Waits until it answers. @throws when it never does */
  async ready(): Promise<void> {
    const ready = () => answersOk(this.#options.readyUrl);
    await until(ready).catch((error: unknown) => {
      throw new Error(`${this.name} is not ready`, { cause: error });
    });
  }

  /** Ends it for good. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.resume();
    if (this.#child !== undefined) await stopChild(this.#child, 3000);
  }
}

/** A look that takes longer is taken again, milliseconds. */
const LOOK_MS = 5000;

async function answersOk(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(LOOK_MS) });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return false;
  }
}
