import fp from 'fastify-plugin';
import { COMPONENTS } from '../schemas/index.ts';

/** Registers the components, by which requests are validated and answers serialised (schema-compilers.ts). */
export const components = fp(
  async (app) => {
    for (const schema of COMPONENTS) app.addSchema(schema);
  },
  { name: 'components' },
);
