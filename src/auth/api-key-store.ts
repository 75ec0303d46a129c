import { chmodSync, chownSync, closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { ConfigError } from '../errors.ts';
import type { ApiKey } from './api-keys.ts';
import { parseApiKeys } from './api-keys.ts';

/** The keys of a file; none where there is no file yet. @throws {ConfigError} when it can't be read or is invalid */
export function readApiKeys(file: string): ApiKey[] {
  if (!existsSync(file)) return [];
  return orConfigError(`${file} is invalid`, () => parseApiKeys(readFileSync(file, 'utf8')));
}

/**
 * Replaces the file as a whole, so that no reader ever gets half of it, and two writers at once don't lose each other's change. A new
 * file is readable by its owner alone; one that is there keeps owner and mode, or the API could read it no more, and what
 * is revoked would stay good.
 * @throws {ConfigError} when it can't be read, is invalid or can't be written, or when another is at it
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
      `${fresh} is there: another process is changing the keys right now. If none is, remove the file.`,
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
