import type { WorkerDeps } from './deps.ts';

/** A step that is run repeatedly. */
export interface Recurring {
  name: string;
  /** Milliseconds. */
  every: number;
  run: (deps: WorkerDeps) => Promise<unknown>;
}

/**
 * Runs a step at once and then once per interval, unless another worker has just run it. Each worker asks for the lease by
 * itself, and Redis' clock decides. So no worker's clock, death or lost schedule keeps the others from running the step.
 * @returns stops it, and waits for a run that has begun
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

/** Runs a recurring step if no worker has run it within its interval. Returns whether it ran. Its errors are logged. */
export async function runIfDue(deps: WorkerDeps, { name, every, run }: Recurring): Promise<boolean> {
  try {
    if (!(await deps.store.leases.takeLease(name, every))) return false;
    await run(deps);
  } catch (error) {
    deps.logger.warn({ err: error, step: name }, 'recurring step failed');
  }
  return true;
}
