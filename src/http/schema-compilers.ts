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

/** Ajv and what stands on it, which are loaded with the first schema that is compiled. */
const require = createRequire(import.meta.url);
const loadAjv = (): typeof AjvCompiler => require('@fastify/ajv-compiler');
const loadSerializers = (): typeof SerializerSelector => require('@fastify/fast-json-stringify-compiler');

/**
 * Checks requests as they are: nothing is dropped, and nothing in a body is turned into another type. Fastify's own
 * settings would make `true` of "true", "" of null, and drop a misspelt field in silence. Only what comes as text by
 * nature (path, query, headers) is turned into the number or boolean it stands for.
 */
const STRICT = {
  removeAdditional: false,
  // The body limit bounds how many errors there can be; telling all of them at once saves the caller rounds.
  allErrors: true,
  // Errors then carry the schema they come from, and with it the x-rule to tell the caller.
  verbose: true,
  keywords: ['x-rule', 'x-unknown'],
};

const validators = once(() => loadAjv()());
const serializers = once(() => loadSerializers()());

/**
 * What was compiled in this process, by its components and by the text of its schema. A process that builds several apps, as the
 * tests do, compiles each schema once.
 */
const compiledBefore = new Map<string, Map<string, unknown>>();

/** Finds what was compiled from the same text with the same components before. */
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

/** How a schema becomes a function, for Fastify. */
export interface SchemaCompilers {
  buildValidator: AjvCompiler.BuildCompilerFromPool;
  buildSerializer: SerializerFactory;
}

/**
 * Compilers that compile each schema when it is first needed, and each component once: with all of them compiled at the
 * start, that would take longer than all the rest of it. `atOnce` compiles as Fastify does, and so tells of a schema
 * that is invalid before anything is answered; the tests have it so.
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
        // Whatever else stands beside a $ref means nothing here.
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

/** Names of headers come in small letters. Fastify sees to that for its own compilers alone. */
function asTheyCome(route: Route): Route {
  if (typeof route !== 'object' || partOf(route) !== 'headers') return route;
  const { properties, ...rest } = route['schema'];
  const small = Object.entries<object>(properties).map(([name, schema]) => [name.toLowerCase(), schema]);
  return { ...route, schema: { ...rest, properties: Object.fromEntries(small) } };
}

/** Fastify calls it, and reads what is wrong off the function that it called; nothing else. */
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

/** The component that an answer is, where it is one. */
function componentIn(schema: unknown): string | undefined {
  if (typeof schema !== 'object' || schema === null || !('$ref' in schema)) return undefined;
  return String(schema.$ref);
}

function once<T>(make: () => T): () => T {
  let made: { it: T } | undefined;
  return () => (made ??= { it: make() }).it;
}
