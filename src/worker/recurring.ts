import type { WorkerDeps } from './deps.ts';

/** A step that is done again and again. */
export interface Recurring {
  name: string;
  /** Milliseconds. */
  every: number;
  run: (deps: WorkerDeps) => Promise<unknown>;
}

/**
 * Does a step at once and then every so many milliseconds, unless another worker has just done it. Every worker asks for its turn by
 * itself and Redis' clock decides, so that no worker's clock, death or lost schedule keeps the others from it.
 * @returns stops it, and waits for a turn at work
 */
export function startRecurring(deps: WorkerDeps, { name, every, run }: Recurring): () => Promise<void> {
  let turn: Promise<void> | null = null;
  const take = async () => {
    try {
      if (await deps.store.takeTurn(name, every)) await run(deps);
    } catch (error) {
      deps.logger.warn({ err: error, step: name }, 'recurring step failed');
    } finally {
      turn = null;
    }
  };
  const ask = () => {
    turn ??= take();
  };
  ask();
  const timer = setInterval(ask, every);
  return async () => {
    clearInterval(timer);
    await turn;
  };
}
