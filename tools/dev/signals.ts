const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * npm passes Ctrl-C on to a script that the terminal has already sent it to: what comes within this many milliseconds
 * is the same signal again.
 */
const ECHO_MS = 500;

/** Calls `stop` at the first SIGINT or SIGTERM; a second one exits at once. */
export function onStopSignal(stop: (signal: NodeJS.Signals) => void): void {
  let first: number | undefined;
  const hear = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (first === undefined) {
      first = now;
      stop(signal);
    } else if (now - first > ECHO_MS) process.exit(130);
  };
  for (const signal of SIGNALS) process.on(signal, hear);
}
