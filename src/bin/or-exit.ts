import { ConfigError } from '../errors.ts';

/** What `read` gives; a bad setting ends the process with the one line that names it. */
export function orExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
