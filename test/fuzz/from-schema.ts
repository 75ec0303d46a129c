import fc from 'fast-check';

/** A JSON Schema as the OpenAPI document has them: just the words that it uses. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  anyOf?: Schema[];
  pattern?: string;
  examples?: unknown[];
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  multipleOf?: number;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  propertyNames?: Schema;
}

export type Components = Record<string, Schema>;

/** More of anything tests nothing more. */
const MOST = 4;

/** Values as a schema wants them. */
export function fromSchema(schema: Schema, components: Components): fc.Arbitrary<unknown> {
  const inner = (one: Schema) => fromSchema(one, components);
  if (schema.$ref !== undefined) return inner(components[schema.$ref.split('/').at(-1) ?? ''] ?? {});
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(inner));
  const types = [schema.type ?? []].flat();
  return types.length === 0
    ? fc.jsonValue()
    : fc.oneof(...types.map((type) => ofType(type, schema, components)));
}

function ofType(type: string, schema: Schema, components: Components): fc.Arbitrary<unknown> {
  if (type === 'string') return strings(schema);
  if (type === 'boolean') return fc.boolean();
  if (type === 'null') return fc.constant(null);
  if (type === 'array') return arrays(schema, components);
  if (type === 'object') return objects(schema, components);
  const { minimum = -1000, maximum = 1000, multipleOf = 1 } = schema;
  const steps = { min: Math.ceil(minimum / multipleOf), max: Math.floor(maximum / multipleOf) };
  return fc.integer(steps).map((step) => step * multipleOf);
}

function strings({ pattern, examples = [], minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<unknown> {
  const known = examples.length > 0 ? [fc.constantFrom(...examples)] : [];
  const made = pattern === undefined ? fc.string({ minLength, maxLength }) : matching(pattern);
  // What is there rather than what could be: only that gets past the routes' first checks.
  const weighted = known.map((arbitrary) => ({ weight: 3, arbitrary }));
  return fc.oneof(...weighted, { weight: 1, arbitrary: made ?? fc.string() });
}

const byPattern = new Map<string, fc.Arbitrary<string> | null>();

/** `null` for patterns with assertions, which can't be turned round. */
function matching(pattern: string): fc.Arbitrary<string> | null {
  const known = byPattern.get(pattern) ?? arbitraryOf(pattern);
  byPattern.set(pattern, known);
  return known;
}

function arbitraryOf(pattern: string): fc.Arbitrary<string> | null {
  try {
    return fc.stringMatching(new RegExp(pattern));
  } catch {
    return null;
  }
}

function arrays(schema: Schema, components: Components) {
  const { items = {}, minItems = 0, maxItems = MOST, uniqueItems = false } = schema;
  const bounds = { minLength: minItems, maxLength: Math.max(minItems, Math.min(maxItems, MOST)) };
  const item = fromSchema(items, components);
  return uniqueItems
    ? fc.uniqueArray(item, { ...bounds, selector: (one) => JSON.stringify(one) })
    : fc.array(item, bounds);
}

function objects(schema: Schema, components: Components): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties = false } = schema;
  const entries = Object.entries(properties).map(([name, one]) => [name, fromSchema(one, components)]);
  const own: fc.Arbitrary<unknown> = fc.record<Record<string, unknown>>(Object.fromEntries(entries), {
    requiredKeys: required,
  });
  if (typeof additionalProperties === 'boolean') return own;
  const names = schema.propertyNames === undefined ? fc.string() : strings(schema.propertyNames).map(String);
  return fc.dictionary(names, fromSchema(additionalProperties, components), { maxKeys: MOST });
}
