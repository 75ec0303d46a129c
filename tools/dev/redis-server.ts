import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const SERVERS = ['redis-server', 'valkey-server'];

/** No Redis server is installed. The message says what to do. */
export class MissingRedisError extends Error {
  constructor() {
    super(
      'No Redis server found: set REDIS_URL, or install one with "npm run setup" ' +
        '(or yourself: apt-get install redis-server, dnf install valkey, brew install redis).',
    );
  }
}

/** Finds an executable on the PATH. */
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

/** Finds a Redis or Valkey server on the PATH. */
export function findRedisServer(path?: string): string | undefined {
  return SERVERS.map((name) => findOnPath(name, path)).find((found) => found !== undefined);
}
