import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const SERVERS = ['redis-server', 'valkey-server'];

/** No Redis to run: the message is the one line that a person needs. */
export class MissingRedisError extends Error {
  constructor() {
    super(
      'No Redis here: set REDIS_URL, or install one with "npm run setup" ' +
        '(or yourself: apt-get install redis-server, dnf install valkey, brew install redis).',
    );
  }
}

/** The path of an executable of that name in one of the PATH's directories, if there is one. */
export function findOnPath(name: string, path = process.env['PATH'] ?? ''): string | undefined {
  return path
    .split(delimiter)
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The Redis (or Valkey) server on the PATH, if there is one. */
export function findRedisServer(path?: string): string | undefined {
  return SERVERS.map((name) => findOnPath(name, path)).find((found) => found !== undefined);
}
