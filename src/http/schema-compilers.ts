import { createRequire } from 'node:module';
import type AjvCompiler from '@fastify/ajv-compiler';
import type {
  Serializer,
  SerializerFactory,
  SerializerSelector,
} from '@fastify/fast-json-stringify-compiler';

type ValidatorCompiler = ReturnType<AjvCompiler.BuildCompilerFromPool>;
type AnyValidateFunction = ReturnType<ValidatorCompiler>;
type Route = Parameters<ValidatorCompiler>[0];

/** Ajv and its Fastify compilers, loaded when the first schema is compiled. */
const require = createRequire(import.meta.url);
const loadAjv = (): typeof AjvCompiler => require('@fastify/ajv-compiler');
const loadSerializers = (): typeof SerializerSelector => require('@fastify/fast-json-stringify-compiler');

/**
 * Ajv's options: nothing is dropped, and no value of a body is converted. With Fastify's defaults "true" would become `true`,
 * null would become "", and a misspelt field would be dropped silently. Only path, query and headers, which are text, are
 * converted into numbers and booleans.
 */
const STRICT = {
  removeAdditional: false,
  // All errors at once save the caller several attempts; the body limit bounds their number.
  allErrors: true,
  // Errors then have the schema they come from, with the x-rule that is shown to the caller.
  verbose: true,
  keywords: ['x-rule', 'x-unknown'],
};

const validators = once(() => loadAjv()());
const serializers = once(() => loadSerializers()());

/**
 * The schemas that this process has compiled, by the text of the components and of the schema. A process that builds several
 * apps, as tests do, compiles each schema once.
 */
const compiledBefore = new Map<string, Map<string, unknown>>();

/** Returns the function compiled earlier from the same text with the same components. */
function sharedBy(components: unknown): <T>(schema: unknown, compile: () => T) => T {
  const family = once(() => {
    const text = JSON.stringify(components);
    const known = compiledBefore.get(text) ?? new Map<string, unknown>();
    compiledBefore.set(text, known);
    return known;
  });
  return <T>(schema: unknown, compile: () => T) => {
    const text = JSON.stringify(schema);
    if (!family().has(text)) family().set(text, compile());
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same text was compiled by the same compiler
    return family().get(text) as T;
  };
}

/** Compiles a schema to a function, for Fastify. */
export interface SchemaCompilers {
  buildValidator: AjvCompiler.BuildCompilerFromPool;
  buildSerializer: SerializerFactory;
}

/**
 * Compilers that compile each schema at its first use, and each component once: compiling all of them would take longer than the
 * rest of the start. With `atOnce` all are compiled at the start, as Fastify does, so that an invalid schema fails the
 * start; tests use it.
 */
export function schemaCompilers(atOnce: boolean): SchemaCompilers {
  return {
    buildValidator: (schemas) => {
      const shared = sharedBy({ validators: schemas });
      const body = once(() => validators()(schemas, { customOptions: { ...STRICT, coerceTypes: false } }));
      const rest = once(() => validators()(schemas, { customOptions: { ...STRICT, coerceTypes: 'array' } }));
      return (route) => {
        const part = partOf(route);
        const compile = part === 'body' ? body : rest;
        const compiled = () => shared({ part, schema: schemaOf(route) }, () => compile()(asTheyCome(route)));
        return atOnce ? compiled() : validatorOf(once(compiled));
      };
    },
    buildSerializer: (schemas, options) => {
      const compiler = once(() => serializers()(schemas, options));
      const shared = sharedBy({ serializers: schemas });
      return (route) => {
        // Other keywords beside a $ref have no effect here.
        const schema = componentIn(route.schema) ?? route.schema;
        const compiled = () => shared(schema, () => compiler()(route));
        return atOnce ? compiled() : serializerOf(once(compiled));
      };
    },
  };
}

function schemaOf(route: Route): unknown {
  return typeof route === 'object' ? route['schema'] : route;
}

function partOf(route: Route): unknown {
  return typeof route === 'object' ? route['httpPart'] : undefined;
}

/** Header names arrive in small letters. Fastify adapts the schema only for its own compilers. */
function asTheyCome(route: Route): Route {
  if (typeof route !== 'object' || partOf(route) !== 'headers') return route;
  const { properties, ...rest } = route['schema'];
  const small = Object.entries<object>(properties).map(([name, schema]) => [name.toLowerCase(), schema]);
  return { ...route, schema: { ...rest, properties: Object.fromEntries(small) } };
}

/** Fastify calls this function and then reads only its `errors`. */
function validatorOf(compiled: () => AnyValidateFunction): AnyValidateFunction {
  const validator: { (data: unknown): unknown; errors?: AnyValidateFunction['errors'] } = (data) => {
    const validate = compiled();
    const good = validate(data);
    validator.errors = validate.errors;
    return good;
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the rest of Ajv's type is for Ajv itself
  return validator as AnyValidateFunction;
}

function serializerOf(compiled: () => Serializer): Serializer {
  return (document) => compiled()(document);
}

/** The component that an answer refers to, if any. */
function componentIn(schema: unknown): string | undefined {
  if (typeof schema !== 'object' || schema === null || !('$ref' in schema)) return undefined;
  return String(schema.$ref);
}

function once<T>(make: () => T): () => T {
  let made: { it: T } | undefined;
  return () => (made ??= { it: make() }).it;
}
