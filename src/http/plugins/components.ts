import fp from 'fastify-plugin';
import { COMPONENTS } from '../schemas/index.ts';

/** The components by which requests are checked and answers written (schema-compilers.ts). */
export const components = fp(
  async (app) => {
    for (const schema of COMPONENTS) app.addSchema(schema);
  },
  { name: 'components' },
);
