const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * The time within which a second signal is the first one again, milliseconds: the terminal sends Ctrl-C to the script, and npm
 * forwards it too.
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
