import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type AjvCompiler from '@fastify/ajv-compiler';
import type { Static, TSchema } from 'typebox';
import { ConfigError } from './errors.ts';
import type { Logger } from './logging/logging.ts';

/** The state of a checked file, for health and metrics. */
export interface FileState {
  /** The setting that names the file. */
  readonly setting: 'API_KEYS_FILE' | 'POLICY_FILE' | 'WEBHOOK_ENDPOINTS_FILE' | 'ACCOUNTS_FILE';
  /** Whether the version that was read last is invalid (or could not be read), so that the one before stays in force. */
  readonly stale: boolean;
}

/** How often a file is checked for a change, milliseconds. */
export const LOOK_MS = 2000;

/** The largest file, bytes. The process does nothing else while it parses and checks a file, some 50 ms for this size. */
const MOST_BYTES = 2 * 1024 * 1024;

/** Opens without blocking: opening a pipe without a writer would otherwise wait for ever. No file would be checked again then, and the process could not exit. */
const AT_ONCE = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * A JSON file that is read at the start, and again when it has changed or on request. A new version that is invalid is logged
 * and not used: the one before stays in force.
 */
export class CheckedFile<T> implements FileState {
  readonly setting: FileState['setting'];
  readonly #path: string;
  readonly #parse: (text: string) => T;
  #current: T;
  /** The text that was read last, valid or not; `null` where it could not be read. */
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
   * Reads the file, and uses it if it has changed. The whole text is compared, because a time of change would miss two changes
   * within a second, or a link that points elsewhere (as Kubernetes changes what it mounts).
   */
  async look(logger: Logger): Promise<void> {
    try {
      const text = await read(this.#path);
      if (text !== this.#seen) this.#take(text, logger);
    } catch (error) {
      // Logged once, not at every check.
      if (this.#seen !== null) this.#refuse(error, logger);
      this.#seen = null;
    }
  }

  /** Reads the file at once, and logs the result whether it has changed or not. */
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

/** Loaded only where there is a file to check, because loading takes a fifth as long as the rest of the start. */
const loadAjv = (): typeof AjvCompiler => createRequire(import.meta.url)('@fastify/ajv-compiler');

type Validator = ReturnType<ReturnType<AjvCompiler.BuildCompilerFromPool>>;
const validators = new WeakMap<TSchema, Validator>();

/** A compiled check that stops at the first error: valid and invalid files take time in proportion to their size. */
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

/** Reads JSON of a schema. @throws an error that says where it violates the schema, and repeats no value */
export function parseChecked<Schema extends TSchema>(schema: Schema, text: string): Static<Schema> {
  const value: unknown = parseJson(text);
  const validate = validatorFor(schema);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the schema is what makes the type
  if (validate(value)) return value as Static<Schema>;
  const [first] = validate.errors ?? [];
  const name = first?.propertyName === undefined ? '' : `/${first.propertyName}`;
  throw new Error(`${`${first?.instancePath}${name}` || 'the whole'} ${first?.message}`);
}

/** JSON.parse repeats the text at the error, which may be a secret. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('it is not JSON');
  }
}
