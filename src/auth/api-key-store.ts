import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { ConfigError } from '../config.ts';
import type { ApiKey } from './api-keys.ts';
import { parseApiKeys } from './api-keys.ts';

/** The keys of a file; none where there is no file yet. @throws {ConfigError} when it can't be read or is no good */
export function readApiKeys(file: string): ApiKey[] {
  if (!existsSync(file)) return [];
  return orConfigError(`${file} is no good`, () => parseApiKeys(readFileSync(file, 'utf8')));
}

/**
 * Replaces the file as a whole, so that nobody ever reads half of it. It is readable by its owner alone.
 * @throws {ConfigError} when it can't be read, is no good or can't be written
 */
export function changeApiKeys(file: string, change: (keys: ApiKey[]) => ApiKey[]): void {
  const keys = change(readApiKeys(file));
  const fresh = `${file}.${process.pid}`;
  orConfigError(`${file} can't be written`, () => {
    writeFileSync(fresh, `${JSON.stringify({ keys }, null, 2)}\n`, { mode: 0o600 });
    renameSync(fresh, file);
  });
}

function orConfigError<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new ConfigError(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
