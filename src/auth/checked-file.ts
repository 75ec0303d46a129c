import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Static, TSchema } from 'typebox';
import { ConfigError } from '../config.ts';
import type { Logger } from '../logging.ts';

/** What there is to be seen of a file. */
export interface FileState {
  /** The setting that names the file. */
  readonly setting: 'API_KEYS_FILE' | 'POLICY_FILE' | 'WEBHOOK_ENDPOINTS_FILE';
  /** Whether what was read last is no good (or nothing could be read), so that what was read before stays in force. */
  readonly stale: boolean;
}

/** How often a file is looked at for a change, milliseconds. */
export const LOOK_MS = 2000;

/** Opening a pipe that nobody writes to would wait for ever: no file would be looked at again, and the process could not exit. */
const AT_ONCE = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * A JSON file that is read at the start, and again when it has changed or when told to. A new version that is no good is
 * logged and not taken: the one before stays in force.
 */
export class CheckedFile<T> implements FileState {
  readonly setting: FileState['setting'];
  readonly #path: string;
  readonly #parse: (text: string) => T;
  #current: T;
  /** What was read last, good or not; `null` where it could not be read. */
  #seen: string | null;
  #stale = false;

  /** @throws {ConfigError} when the file can't be read or is no good */
  constructor(setting: FileState['setting'], path: string, parse: (text: string) => T) {
    this.setting = setting;
    this.#path = path;
    this.#parse = parse;
    try {
      this.#seen = readFileSync(path, 'utf8');
      this.#current = parse(this.#seen);
    } catch (error) {
      throw new ConfigError(`${path} is no good: ${messageOf(error)}`);
    }
  }

  current(): T {
    return this.#current;
  }

  get stale(): boolean {
    return this.#stale;
  }

  /**
   * Reads the file, and takes it over if it has changed. The whole text is compared: neither a second within which it
   * changed twice nor a link that leads elsewhere (as Kubernetes changes what it mounts) hides a change.
   */
  async look(logger: Logger): Promise<void> {
    try {
      const text = await readFile(this.#path, { encoding: 'utf8', flag: AT_ONCE });
      if (text !== this.#seen) this.#take(text, logger);
    } catch (error) {
      // Said once, not at every look.
      if (this.#seen !== null) this.#refuse(error, logger);
      this.#seen = null;
    }
  }

  /** Reads the file at once, and says so in the log whether it has changed or not. */
  reload(logger: Logger): void {
    try {
      this.#take(readAtOnce(this.#path), logger);
    } catch (error) {
      this.#refuse(error, logger);
    }
  }

  #take(text: string, logger: Logger): void {
    this.#seen = text;
    try {
      this.#current = this.#parse(text);
      this.#stale = false;
      logger.info({ file: this.#path }, 'file read again');
    } catch (error) {
      this.#refuse(error, logger);
    }
  }

  #refuse(error: unknown, logger: Logger): void {
    this.#stale = true;
    const why = { file: this.#path, why: messageOf(error) };
    logger.error(why, 'the new file is no good: the one before stays in force');
  }
}

function readAtOnce(path: string): string {
  const file = openSync(path, AT_ONCE);
  try {
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Loaded only where there is a file to check: it takes as long as a fifth of the start without. */
const loadTypebox = (): typeof import('typebox/value') => createRequire(import.meta.url)('typebox/value');

/** Reads JSON of a schema. @throws an error that says where it breaks the schema, and repeats no value */
export function parseChecked<Schema extends TSchema>(schema: Schema, text: string): Static<Schema> {
  const value = parseJson(text);
  const { Value } = loadTypebox();
  if (Value.Check(schema, value)) return value;
  const [first] = Value.Errors(schema, value);
  throw new Error(`${first?.instancePath || 'the whole'} ${first?.message}`);
}

/** JSON.parse repeats what it stumbled over, and that may be a secret. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('it is not JSON');
  }
}
