import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyPluginAsync, FastifySchema } from 'fastify';
import fp from 'fastify-plugin';
import { withInstance } from '../documented.ts';
import { SWAGGER_UI_HEADERS } from './security-headers.ts';
import packageJson from '../../../package.json' with { type: 'json' };

const DESCRIPTION = `Copies Amazon Machine Images (AMIs) to other regions, shows the progress of each copy, and manages who may launch them.

An image is identified by its id and its region: every \`/amis\` route takes \`?region=\`. Work that takes time is a **job**: a
request answers 202 with the job at once, \`GET /jobs/{id}\` shows its progress, and \`Prefer: wait=30\` holds the
answer until it has finished. Errors are problem details (RFC 9457) with a stable \`code\`.

The examples use an image of the EC2 simulator (\`npm start\`).`;

const TAGS = [
  { name: 'images', description: 'Images: reading them, copying them, and finding their copies.' },
  {
    name: 'permissions',
    description:
      'Who may launch an image: reading that, sharing, publishing, and making the image private again.',
  },
  {
    name: 'jobs',
    description: 'Jobs: the progress of copies, cancelling them, and retrying failed ones.',
  },
  { name: 'service', description: 'The service itself: its health and this document.' },
];

const SECURITY_SCHEMES = {
  apiKey: {
    type: 'apiKey',
    in: 'header',
    name: 'X-API-Key',
    description: 'An API key, made with `npm run api-key`. `Authorization: ApiKey …` does as well.',
  },
  token: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A token of the identity provider that the service is configured for.',
  },
} as const;

/** Marks the bodies of OPTIONAL_BODY (documented.ts) as optional: @fastify/swagger marks every body as required. */
function markOptionalBodies(paths: Record<string, unknown> = {}): void {
  for (const operation of Object.values(paths).flatMap((path) => Object.values(path ?? {}))) {
    if (!operation?.['x-optional-body']) continue;
    delete operation['x-optional-body'];
    operation.requestBody.required = false;
  }
}

/** Generates the OpenAPI document from the routes' schemas, and serves Swagger UI at /docs. */
export const openApi = fp<{ swaggerUi: boolean }>(
  async (app, options) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'amiferry',
          version: packageJson.version,
          description: DESCRIPTION,
          license: { name: 'MIT', identifier: 'MIT' },
        },
        tags: TAGS,
        components: { securitySchemes: SECURITY_SCHEMES },
      },
      transform: ({ schema, url }) => ({ schema: documented(schema, url), url }),
      transformObject: (document) => {
        if (!('openapiObject' in document)) return document.swaggerObject;
        markOptionalBodies(document.openapiObject.paths);
        return document.openapiObject;
      },
      refResolver: {
        buildLocalReference: ({ $id }, _base, _fragment, i) => (typeof $id === 'string' ? $id : `def-${i}`),
      },
    });
    if (options.swaggerUi) await app.register(docs);
  },
  { name: 'openapi', dependencies: ['components'] },
);

/** A route's schema, whose examples of problems have the route's own path. */
function documented(schema: FastifySchema | undefined, url: string): FastifySchema {
  const { response } = schema ?? {};
  if (typeof response !== 'object' || response === null) return { ...schema };
  const params = propertiesOf(schema?.params);
  const path = url.replaceAll(/:(\w+)/g, (_, name: string) => examplesIn(params[name])[0] ?? name);
  return { ...schema, response: withInstance({ ...response }, path) };
}

function propertiesOf(schema: unknown): Record<string, unknown> {
  const isOpen = typeof schema === 'object' && schema !== null && 'properties' in schema;
  return isOpen ? { ...Object(schema.properties) } : {};
}

function examplesIn(schema: unknown): string[] {
  const hasAny = typeof schema === 'object' && schema !== null && 'examples' in schema;
  return hasAny && Array.isArray(schema.examples) ? schema.examples.map(String) : [];
}

/** The documentation itself is public; requests sent from it need credentials. */
const docs: FastifyPluginAsync = async (app) => {
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, ...SWAGGER_UI_HEADERS, access: 'everybody' };
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    theme: { title: 'amiferry' },
    uiConfig: { displayRequestDuration: true, tryItOutEnabled: true, docExpansion: 'list' },
  });
};
