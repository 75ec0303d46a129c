import fp from 'fastify-plugin';
import { schemaCompilers } from '../schema-compilers.ts';
import { COMPONENTS } from '../schemas/index.ts';

/** Checks requests, and writes answers, by the schemas of the routes. */
export const validation = fp<{ compileAtOnce: boolean }>(
  async (app, { compileAtOnce }) => {
    app.setSchemaController({ compilersFactory: schemaCompilers(compileAtOnce) });
    for (const schema of COMPONENTS) app.addSchema(schema);
  },
  { name: 'validation' },
);
