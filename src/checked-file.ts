import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type AjvCompiler from '@fastify/ajv-compiler';
import type { Static, TSchema } from 'typebox';
import { ConfigError } from './errors.ts';
import type { Logger } from './logging/logging.ts';

/** What there is to be seen of a file. */
export interface FileState {
  /** The setting that names the file. */
  readonly setting: 'API_KEYS_FILE' | 'POLICY_FILE' | 'WEBHOOK_ENDPOINTS_FILE';
  /** Whether what was read last is invalid (or nothing could be read), so that what was read before stays in force. */
  readonly stale: boolean;
}

/** How often a file is looked at for a change, milliseconds. */
export const LOOK_MS = 2000;

/** The largest file, bytes: nothing else happens in the process while it is parsed and checked, some 50 ms for this. */
const MOST_BYTES = 2 * 1024 * 1024;

/** Opening a pipe that nobody writes to would wait for ever: no file would be looked at again, and the process could not exit. */
const AT_ONCE = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * A JSON file that is read at the start, and again when it has changed or when told to. A new version that is invalid is
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

  /** @throws {ConfigError} when the file can't be read or is invalid */
  constructor(setting: FileState['setting'], path: string, parse: (text: string) => T) {
    this.setting = setting;
    this.#path = path;
    this.#parse = parse;
    try {
      this.#seen = readAtOnce(path, constants.O_RDONLY);
      this.#current = parse(this.#seen);
    } catch (error) {
      throw new ConfigError(`${path} is invalid: ${messageOf(error)}`);
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
      const text = await read(this.#path);
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
    logger.error(why, 'the new file is invalid: the one before stays in force');
  }
}

async function read(path: string): Promise<string> {
  const file = await open(path, AT_ONCE);
  try {
    requireSize((await file.stat()).size);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

function readAtOnce(path: string, flags = AT_ONCE): string {
  const file = openSync(path, flags);
  try {
    requireSize(fstatSync(file).size);
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

function requireSize(bytes: number): void {
  if (bytes > MOST_BYTES)
    throw new Error(`it has ${bytes} bytes, and ${MOST_BYTES} are the most that is read`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Loaded only where there is a file to check: it takes as long as a fifth of the start without. */
const loadAjv = (): typeof AjvCompiler => createRequire(import.meta.url)('@fastify/ajv-compiler');

type Validator = ReturnType<ReturnType<AjvCompiler.BuildCompilerFromPool>>;
const validators = new WeakMap<TSchema, Validator>();

/** Compiled, and ended by the first error: both a good file and a wrong one take time in proportion to their size. */
function validatorFor(schema: TSchema): Validator {
  const customOptions = {
    removeAdditional: false,
    coerceTypes: false,
    useDefaults: false,
    allErrors: false,
  } as const;
  const known = validators.get(schema) ?? loadAjv()()({}, { customOptions })({ schema, httpPart: 'body' });
  validators.set(schema, known);
  return known;
}

/** Reads JSON of a schema. @throws an error that says where it breaks the schema, and repeats no value */
export function parseChecked<Schema extends TSchema>(schema: Schema, text: string): Static<Schema> {
  const value: unknown = parseJson(text);
  const validate = validatorFor(schema);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the schema is what makes the type
  if (validate(value)) return value as Static<Schema>;
  const [first] = validate.errors ?? [];
  const name = first?.propertyName === undefined ? '' : `/${first.propertyName}`;
  throw new Error(`${`${first?.instancePath}${name}` || 'the whole'} ${first?.message}`);
}

/** JSON.parse repeats what it stumbled over, and that may be a secret. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('it is not JSON');
  }
}
