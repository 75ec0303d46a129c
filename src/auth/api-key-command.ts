import { parseArgs } from 'node:util';
import { KEY_NAME_PATTERN, newApiKey, rotated } from './api-keys.ts';
import { LOOK_MS } from '../checked-file.ts';
import type { ApiKey } from './api-keys.ts';
import { changeApiKeys, readApiKeys } from './api-key-store.ts';
import { readConfig } from '../config/config.ts';
import { ConfigError } from '../errors.ts';
import { ACCESS_SCOPES, isAccessScope } from '../domain/access.ts';
import type { AccessScope } from '../domain/access.ts';

/**
 * `npm run api-key -- create NAME --scopes amis:read,amis:copy [--expires 90d]`, `list`,
 * `rotate ID [--keep 7d]`, `revoke ID`: changes API_KEYS_FILE.
 * A running API loads the change within seconds.
 */
const USAGE = `npm run api-key -- create NAME --scopes ${ACCESS_SCOPES.join(',')} [--expires 90d]
npm run api-key -- list
npm run api-key -- rotate ID [--keep 7d]
npm run api-key -- revoke ID
`;

const DAY = 86_400_000;
const TAKEN_OVER = `An API that uses this file loads the change within ${LOOK_MS / 1000} s.\n`;

/** The outputs of the command: `out` for text that another program may read, `note` for messages to people. */
export interface Output {
  out: (text: string) => void;
  note: (text: string) => void;
}

/** Runs the command. @throws {ConfigError} if anything is wrong; then the file is unchanged */
export function apiKeyCommand(args: readonly string[], env: NodeJS.ProcessEnv, output: Output): void {
  const { apiKeysFile: file } = readConfig(env);
  if (file === '')
    throw new ConfigError('API_KEYS_FILE is not set: set it to the path of the file for the keys.');
  const { positionals, values } = readArguments(args);
  const [action, subject = ''] = positionals;
  if (action === 'create') return create(file, subject, values, output);
  if (action === 'list') return list(file, output);
  if (action === 'rotate') return rotate(file, subject, values.keep, output);
  if (action === 'revoke') return revoke(file, subject, output);
  throw new ConfigError(USAGE);
}

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        scopes: { type: 'string', default: '' },
        expires: { type: 'string' },
        keep: { type: 'string', default: '7d' },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new ConfigError(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}

function create(
  file: string,
  name: string,
  options: { scopes: string; expires?: string | undefined },
  { out, note }: Output,
): void {
  if (!new RegExp(KEY_NAME_PATTERN).test(name)) {
    throw new ConfigError('A name has 1 to 64 letters, digits, ".", "_" or "-".');
  }
  const { expires } = options;
  const until = expires === undefined ? null : new Date(Date.now() + readDays('--expires', expires));
  const { secret, key } = newApiKey(name, readScopes(options.scopes), until);
  changeApiKeys(file, (keys) => [...keys, key]);
  note(`Key ${key.id} of the principal key:${name}. It is shown only now. ${TAKEN_OVER}`);
  out(`${secret}\n`);
}

function rotate(file: string, id: string, keep: string, { out, note }: Output): void {
  const made = rotated(requireKey(file, id), Date.now(), readDays('--keep', keep));
  changeApiKeys(file, (keys) => [...keys.map((key) => (key.id === id ? made.old : key)), made.key]);
  note(
    `Key ${made.key.id} of the principal key:${made.key.name} replaces ${id}, which stays valid until ${made.old.expiresAt}. It is shown only now. ${TAKEN_OVER}`,
  );
  out(`${made.secret}\n`);
}

function readScopes(words: string): AccessScope[] {
  const scopes = words.split(',').filter(isAccessScope);
  if (words !== '' && scopes.length === words.split(',').length) return scopes;
  throw new ConfigError(`--scopes takes some of ${ACCESS_SCOPES.join(',')}.`);
}

function readDays(option: string, text: string): number {
  const [, days] = /^(\d{1,4})d$/.exec(text) ?? [];
  if (days === undefined) throw new ConfigError(`${option} takes a number of days, such as 90d.`);
  return Number(days) * DAY;
}

function list(file: string, { out }: Output): void {
  for (const { id, name, scopes, createdAt, expiresAt } of readApiKeys(file)) {
    const until = expiresAt === null ? 'does not expire' : `expires ${expiresAt}`;
    out(`${id}  key:${name}  ${scopes.join(',')}  made ${createdAt}  ${until}\n`);
  }
}

function revoke(file: string, id: string, { out }: Output): void {
  requireKey(file, id);
  changeApiKeys(file, (keys) => keys.filter((key) => key.id !== id));
  out(`Key ${id} is revoked. ${TAKEN_OVER}`);
}

function requireKey(file: string, id: string): ApiKey {
  const key = readApiKeys(file).find((one) => one.id === id);
  if (key === undefined) throw new ConfigError(`There is no key ${id}: "list" shows the ids.`);
  return key;
}
