import { chmodSync, chownSync, closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { ConfigError } from '../errors.ts';
import type { ApiKey } from './api-keys.ts';
import { parseApiKeys } from './api-keys.ts';

/** Reads the keys of a file; none if it does not exist yet. @throws {ConfigError} if it can't be read or is invalid */
export function readApiKeys(file: string): ApiKey[] {
  if (!existsSync(file)) return [];
  return orConfigError(`${file} is invalid`, () => parseApiKeys(readFileSync(file, 'utf8')));
}

/**
 * Replaces the whole file by a rename, so that no reader gets half of it; a second writer at the same time is refused. A new file
 * is readable only by its owner. An existing one keeps owner and mode: otherwise the API could not read it any more, and
 * revoked keys would stay valid.
 * @throws {ConfigError} if it can't be read or written, if it is invalid, or if another process is writing it
 */
export function changeApiKeys(link: string, change: (keys: ApiKey[]) => ApiKey[]): void {
  const file = existsSync(link) ? realpathSync(link) : link;
  const fresh = `${file}.new`;
  const handle = orConfigError(`${file} can't be written`, () => openAlone(fresh));
  try {
    const keys = change(readApiKeys(file));
    orConfigError(`${file} can't be written`, () => {
      keepOwner(file, fresh);
      writeFileSync(handle, `${JSON.stringify({ keys }, null, 2)}\n`);
      renameSync(fresh, file);
    });
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  } finally {
    closeSync(handle);
  }
}

function openAlone(fresh: string): number {
  try {
    return openSync(fresh, 'wx', 0o600);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    throw new ConfigError(
      `${fresh} exists: another process is changing the keys at the moment. If none is, remove that file.`,
    );
  }
}

function keepOwner(file: string, fresh: string): void {
  if (!existsSync(file)) return;
  const { uid, gid, mode } = statSync(file);
  try {
    chownSync(fresh, uid, gid);
    chmodSync(fresh, mode & 0o777);
  } catch (error) {
    if (codeOf(error) !== 'EPERM') throw error;
    throw new ConfigError(`${file} belongs to user ${uid}, group ${gid}: run this as that user, or as root.`);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function orConfigError<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
