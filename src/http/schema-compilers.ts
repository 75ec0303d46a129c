import { createRequire } from 'node:module';
import type AjvCompiler from '@fastify/ajv-compiler';
import type {
  Serializer,
  SerializerCompiler,
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

/** One pool of Ajv instances a process: apps with the same components share what was compiled. */
const validators = once(() => loadAjv()());

/** How a schema becomes a function, for Fastify. */
export interface SchemaCompilers {
  buildValidator: AjvCompiler.BuildCompilerFromPool;
  buildSerializer: SerializerFactory;
}

/**
 * Compilers that compile each schema when it is first needed, and each component once: with all of them compiled at the
 * start, that would take longer than all the rest of it. `atOnce` compiles as Fastify does, and so tells of a schema
 * that is no good before anything is answered; the tests have it so.
 */
export function schemaCompilers(atOnce: boolean): SchemaCompilers {
  const serializers = once(() => loadSerializers()());
  return {
    buildValidator: (schemas) => {
      const body = once(() => validators()(schemas, { customOptions: { ...STRICT, coerceTypes: false } }));
      const rest = once(() => validators()(schemas, { customOptions: { ...STRICT, coerceTypes: 'array' } }));
      return (route) => {
        const compile = partOf(route) === 'body' ? body : rest;
        const compiled = () => compile()(asTheyCome(route));
        return atOnce ? compiled() : validatorOf(once(compiled));
      };
    },
    buildSerializer: (schemas, options) => {
      const compiler = once(() => serializers()(schemas, options));
      const compile: SerializerCompiler = (route) => compiler()(route);
      const ofComponents = new Map<string, Serializer>();
      return (route) => {
        const name = componentIn(route.schema);
        const known = name === undefined ? undefined : ofComponents.get(name);
        if (known !== undefined) return known;
        const serializer = atOnce ? compile(route) : serializerOf(once(() => compile(route)));
        if (name !== undefined) ofComponents.set(name, serializer);
        return serializer;
      };
    },
  };
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

/** The component that an answer is, where it is one: whatever else stands beside a $ref means nothing here. */
function componentIn(schema: unknown): string | undefined {
  if (typeof schema !== 'object' || schema === null || !('$ref' in schema)) return undefined;
  return String(schema.$ref);
}

function once<T>(make: () => T): () => T {
  let made: { it: T } | undefined;
  return () => (made ??= { it: make() }).it;
}
