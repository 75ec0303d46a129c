import type { FastifySchemaValidationError } from 'fastify';
import type { FieldError } from '../errors.ts';
import { nearest } from './nearest.ts';

/** An error of Ajv. With Ajv's `verbose` option it has the schema that was violated and the invalid value. */
interface SchemaFault extends FastifySchemaValidationError {
  parentSchema?: Record<string, unknown>;
  /** Set if the name of a field is invalid, and not its value. */
  propertyName?: string;
  data?: unknown;
}

/** The most errors of one answer: a body may have thousands. */
const MAX_ERRORS = 20;

/** Names the part of the request that an error is about, unless it is the body. */
const PARTS: Readonly<Record<string, string>> = {
  params: 'the path parameter ',
  querystring: 'the query parameter ',
  headers: 'the header ',
};

/** An error, and whether its message says what would be right. */
interface PlacedError extends FieldError {
  isHint: boolean;
}

/** Describes what is wrong with a request, field by field. Messages that say what would be right come first. */
export function fieldErrors(faults: readonly SchemaFault[], part: string): FieldError[] {
  const found = new Map<string, PlacedError>();
  for (const fault of faults) {
    if (found.size === MAX_ERRORS) break;
    const error = fieldError(fault, part);
    // One value may violate several keywords of its schema (pattern and length): the x-rule covers all of them.
    if (!found.has(error.pointer)) found.set(error.pointer, error);
  }
  return [...found.values()]
    .toSorted((a, b) => Number(b.isHint) - Number(a.isHint))
    .map(({ pointer, message }) => ({ pointer, message }));
}

function fieldError(fault: SchemaFault, part: string): PlacedError {
  const missing = fault.params['missingProperty'];
  if (typeof missing === 'string')
    return placed(`${fault.instancePath}/${escape(missing)}`, part, 'is required');
  const extra = fault.params['additionalProperty'];
  if (typeof extra === 'string') {
    const hint = hintFor(fault, extra);
    return placed(`${fault.instancePath}/${escape(extra)}`, part, `is not known here${hint}`, hint !== '');
  }
  const key = fault.propertyName ?? fault.params['propertyName'];
  if (typeof key === 'string') return placed(`${fault.instancePath}/${escape(key)}`, part, ruleOf(fault));
  if (fault.keyword !== 'type') return placed(fault.instancePath, part, ruleOf(fault, part));
  const shown = example(fault);
  return placed(fault.instancePath, part, wrongType(fault, part) + shown, shown !== '');
}

function placed(pointer: string, part: string, rule: string, isHint = false): PlacedError {
  const subject = pointer === '' ? 'the body' : `${PARTS[part] ?? ''}"${pointer.slice(1)}"`;
  return { pointer, message: `${subject} ${rule}`, isHint };
}

/** Suggests a known name that is nearly the same, or returns the schema's hint about names that belong elsewhere. */
function hintFor({ parentSchema }: SchemaFault, name: string): string {
  const close = nearest(name, Object.keys(parentSchema?.['properties'] ?? {}));
  if (close !== null) return `; is "${close}" meant?`;
  const hints = parentSchema?.['x-unknown'];
  const hint: unknown = isRecord(hints) ? hints[name] : hints;
  return typeof hint === 'string' ? `: ${hint}` : '';
}

function ruleOf(fault: SchemaFault, part = 'body'): string {
  const { keyword, params, parentSchema, data } = fault;
  if (part === 'params' && data === '') return 'is empty';
  const rule = parentSchema?.['x-rule'];
  if (typeof rule === 'string') return rule;
  return PLAIN[keyword]?.(params, data) ?? 'does not match the OpenAPI document (/docs)';
}

/** Messages for Ajv's keywords, for schemas without an x-rule. */
const PLAIN: Readonly<Record<string, (params: Record<string, unknown>, data: unknown) => string>> = {
  enum: ({ allowedValues }) =>
    `must be one of ${Array.isArray(allowedValues) ? allowedValues.join(', ') : ''}`,
  uniqueItems: ({ i }, data) => `names ${JSON.stringify(Array.isArray(data) ? data[Number(i)] : data)} twice`,
  minItems: ({ limit }) => `must have at least ${String(limit)} of them`,
  maxItems: ({ limit }) => `must have at most ${String(limit)} of them`,
  minProperties: ({ limit }) => `must have at least ${String(limit)} of its fields`,
  maxProperties: ({ limit }) => `must have at most ${String(limit)} fields`,
  minLength: ({ limit }) => `must have at least ${String(limit)} characters`,
  maxLength: ({ limit }) => `must have at most ${String(limit)} characters`,
  minimum: ({ limit }) => `must be ${String(limit)} or more`,
  maximum: ({ limit }) => `must be ${String(limit)} or less`,
  multipleOf: ({ multipleOf }) => `must be a multiple of ${String(multipleOf)}`,
};

function wrongType({ instancePath, params, parentSchema, data }: SchemaFault, part: string): string {
  const type = String(params['type']);
  if (instancePath === '' && data === null) return 'is missing or null: send a JSON object';
  // Outside of the body every value is text: it is a list only if the parameter was given more than once.
  if (part !== 'body' && Array.isArray(data)) return 'must be given once';
  const rule = parentSchema?.['x-rule'];
  if (part !== 'body' && typeof rule === 'string') return rule;
  const asked = `must be ${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;
  if (data === null) return `${asked} and not null`;
  if (typeof data === 'string' && (type === 'boolean' || type === 'integer'))
    return `${asked}, without quotes`;
  if (typeof data === 'number' && type === 'string') return `${asked}, in quotes`;
  return asked;
}

/** For an object or a list the message shows an example, which helps more than the type's name. */
function example({ instancePath, params, parentSchema, data }: SchemaFault): string {
  const type = params['type'];
  if ((type !== 'object' && type !== 'array') || (instancePath === '' && data === null)) return '';
  const ofItems = type === 'array' ? examplesOf(parentSchema?.['items']).map((one) => [one]) : [];
  const [first] = [...examplesOf(parentSchema), ...ofItems];
  return first === undefined ? '' : `, such as ${JSON.stringify(first)}`;
}

function examplesOf(schema: unknown): unknown[] {
  return isRecord(schema) && Array.isArray(schema['examples']) ? schema['examples'] : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** RFC 6901, section 3. */
function escape(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
