import AjvCompiler from '@fastify/ajv-compiler';
import fp from 'fastify-plugin';
import { COMPONENTS } from '../schemas/index.ts';

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
  keywords: ['x-rule'],
};

export const validation = fp(
  async (app) => {
    app.setSchemaController({ compilersFactory: { buildValidator } });
    for (const schema of COMPONENTS) app.addSchema(schema);
  },
  { name: 'validation' },
);

const pool = AjvCompiler();

const buildValidator: AjvCompiler.BuildCompilerFromPool = (schemas) => {
  const body = pool(schemas, { customOptions: { ...STRICT, coerceTypes: false } });
  const parameters = pool(schemas, { customOptions: { ...STRICT, coerceTypes: 'array' } });
  return (route) => (typeof route === 'object' && route['httpPart'] === 'body' ? body : parameters)(route);
};
