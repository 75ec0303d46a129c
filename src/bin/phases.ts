import type { Logger } from '../logging/logging.ts';

/** One step of the shutdown, with its time limit in milliseconds. */
export interface Phase {
  name: string;
  timeout: number;
  run(): Promise<void> | void;
}

/**
 * npm passes Ctrl-C on to a script that already got it from the terminal: within so many milliseconds a second signal counts as
 * the same one.
 */
const ECHO = 500;

/**
 * Waits for SIGTERM or SIGINT, then runs the phases in order and exits. The sum of their time limits bounds the shutdown. A
 * phase that fails or takes too long is logged, and the next one runs. A second signal exits at once.
 */
export function exitOnSignal(logger: Logger, phases: readonly Phase[]): void {
  let leaving: number | undefined;
  const leave = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (leaving !== undefined) {
      if (now - leaving > ECHO) process.exit(1);
      return;
    }
    leaving = now;
    logger.info({ signal }, 'shutting down');
    void unwind(logger, phases).then((clean) => process.exit(clean ? 0 : 1));
  };
  process.on('SIGTERM', leave);
  process.on('SIGINT', leave);
}

/** Runs the phases in order; `false` when any of them failed or took too long. */
export async function unwind(logger: Logger, phases: readonly Phase[]): Promise<boolean> {
  let clean = true;
  for (const phase of phases) {
    try {
      await within(phase.timeout, Promise.resolve(phase.run()));
    } catch (error) {
      clean = false;
      logger.warn({ err: error, phase: phase.name }, 'shutdown phase did not end well');
    }
  }
  logger.info('bye');
  return clean;
}

async function within(milliseconds: number, work: Promise<void>): Promise<void> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new Error(`took over ${milliseconds} ms`)), milliseconds);
  try {
    await Promise.race([work, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
