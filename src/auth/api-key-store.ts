import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { ApiKey } from './api-keys.ts';
import { parseApiKeys } from './api-keys.ts';

/** The keys of a file; none where there is no file yet. @throws when it is no good */
export function readApiKeys(file: string): ApiKey[] {
  return existsSync(file) ? parseApiKeys(readFileSync(file, 'utf8')) : [];
}

/** Replaces the file as a whole, so that nobody ever reads half of it. It is readable by its owner alone. */
export function changeApiKeys(file: string, change: (keys: ApiKey[]) => ApiKey[]): void {
  const keys = change(readApiKeys(file));
  const fresh = `${file}.${process.pid}`;
  writeFileSync(fresh, `${JSON.stringify({ keys }, null, 2)}\n`, { mode: 0o600 });
  renameSync(fresh, file);
}
