import { readFileSync } from 'node:fs';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { ConfigError } from '../config.ts';
import type { Logger } from '../logging.ts';

/**
 * A JSON file that is read at the start and again when told to. A new version that is no good is logged and not taken:
 * the one before stays in force.
 */
export class CheckedFile<T> {
  readonly #path: string;
  readonly #parse: (text: string) => T;
  #current: T;

  /** @throws {ConfigError} when the file can't be read or is no good */
  constructor(path: string, parse: (text: string) => T) {
    this.#path = path;
    this.#parse = parse;
    this.#current = this.#read();
  }

  current(): T {
    return this.#current;
  }

  reload(logger: Logger): void {
    try {
      this.#current = this.#read();
      logger.info({ file: this.#path }, 'file read again');
    } catch (error) {
      logger.error(
        { err: error, file: this.#path },
        'the new file is no good: the one before stays in force',
      );
    }
  }

  #read(): T {
    try {
      return this.#parse(readFileSync(this.#path, 'utf8'));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new ConfigError(`${this.#path} is no good: ${why}`);
    }
  }
}

/** Reads JSON of a schema. @throws an error that says where it breaks the schema, and repeats no value */
export function parseChecked<Schema extends TSchema>(schema: Schema, text: string): Static<Schema> {
  const value = parseJson(text);
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
