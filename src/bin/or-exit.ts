import { ConfigError } from '../errors.ts';

/** Returns what `read` returns. A bad setting ends the process with one line that names it. */
export function orExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
