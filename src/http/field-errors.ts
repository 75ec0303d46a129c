import type { FastifySchemaValidationError } from 'fastify';
import type { FieldError } from '../errors.ts';
import { nearest } from './nearest.ts';

/** One of Ajv's errors. With its `verbose` option it carries the schema that was broken and the value that broke it. */
interface SchemaFault extends FastifySchemaValidationError {
  parentSchema?: Record<string, unknown>;
  /** Set where the name of a field broke a rule, and not its value. */
  propertyName?: string;
  data?: unknown;
}

/** More than these help nobody, and a body may have thousands. */
const MAX_ERRORS = 20;

/** Names the part of the request, where it isn't the body. */
const PARTS: Readonly<Record<string, string>> = {
  params: 'the path parameter ',
  querystring: 'the query parameter ',
  headers: 'the header ',
};

/** What is wrong with a request, field by field, in words that say what would be right. */
export function fieldErrors(faults: readonly SchemaFault[], part: string): FieldError[] {
  const found = new Map<string, FieldError>();
  for (const fault of faults) {
    if (found.size === MAX_ERRORS) break;
    const error = fieldError(fault, PARTS[part] ?? '');
    // One value may break several rules of its schema (pattern and length): the x-rule tells all of them.
    if (!found.has(error.pointer)) found.set(error.pointer, error);
  }
  return [...found.values()];
}

function fieldError(fault: SchemaFault, part: string): FieldError {
  const missing = fault.params['missingProperty'];
  if (typeof missing === 'string')
    return told(`${fault.instancePath}/${escape(missing)}`, part, 'is required');
  const extra = fault.params['additionalProperty'];
  if (typeof extra === 'string')
    return told(`${fault.instancePath}/${escape(extra)}`, part, unknownField(fault, extra));
  const key = fault.propertyName ?? fault.params['propertyName'];
  if (typeof key === 'string') return told(`${fault.instancePath}/${escape(key)}`, part, ruleOf(fault));
  return told(fault.instancePath, part, ruleOf(fault));
}

function told(pointer: string, part: string, rule: string): FieldError {
  const subject = pointer === '' ? 'the body' : `${part}"${pointer.slice(1)}"`;
  return { pointer, message: `${subject} ${rule}` };
}

function unknownField({ parentSchema }: SchemaFault, name: string): string {
  const hint = parentSchema?.['x-unknown'];
  if (typeof hint === 'string') return `is not known here: ${hint}`;
  const close = nearest(name, Object.keys(parentSchema?.['properties'] ?? {}));
  return close === null ? 'is not known here' : `is not known here; is "${close}" meant?`;
}

function ruleOf(fault: SchemaFault): string {
  const { instancePath, keyword, params, parentSchema, data, message } = fault;
  if (instancePath === '' && data === null) return 'is missing or null: send a JSON object';
  if (keyword === 'type') return wrongType(params['type'], data) + example(params['type'], parentSchema);
  const rule = parentSchema?.['x-rule'];
  if (typeof rule === 'string') return rule;
  const allowed = params['allowedValues'];
  if (Array.isArray(allowed)) return `must be one of ${allowed.join(', ')}`;
  return message ?? 'is not valid';
}

function wrongType(type: unknown, data: unknown): string {
  const asked = `must be ${/^[aeiou]/.test(String(type)) ? 'an' : 'a'} ${String(type)}`;
  if (data === null) return `${asked} and not null`;
  if (typeof data === 'string' && (type === 'boolean' || type === 'integer'))
    return `${asked}, without quotes`;
  return asked;
}

/** Of an object a caller learns more by an example than by its name. */
function example(type: unknown, schema: Record<string, unknown> | undefined): string {
  const examples = schema?.['examples'];
  if (type !== 'object' || !Array.isArray(examples) || examples.length === 0) return '';
  return `, such as ${JSON.stringify(examples[0])}`;
}

/** RFC 6901, section 3. */
function escape(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
