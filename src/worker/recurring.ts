import type { WorkerDeps } from './deps.ts';

/** A step that is done again and again. */
export interface Recurring {
  name: string;
  /** Milliseconds. */
  every: number;
  run: (deps: WorkerDeps) => Promise<unknown>;
}

/**
 * Does a step at once and then every so many milliseconds, unless another worker has just done it. Every worker asks for the lease by
 * itself and Redis' clock decides, so that no worker's clock, death or lost schedule keeps the others from it.
 * @returns stops it, and waits for one at work
 */
export function startRecurring(deps: WorkerDeps, { name, every, run }: Recurring): () => Promise<void> {
  let running: Promise<boolean> | null = null;
  const ask = () => {
    running ??= runIfDue(deps, { name, every, run }).finally(() => {
      running = null;
    });
  };
  ask();
  const timer = setInterval(ask, every);
  return async () => {
    clearInterval(timer);
    await running;
  };
}

/** Runs a recurring step if no worker has run it within its interval; whether it did. An error of it is logged. */
export async function runIfDue(deps: WorkerDeps, { name, every, run }: Recurring): Promise<boolean> {
  try {
    if (!(await deps.store.leases.takeLease(name, every))) return false;
    await run(deps);
  } catch (error) {
    deps.logger.warn({ err: error, step: name }, 'recurring step failed');
  }
  return true;
}
