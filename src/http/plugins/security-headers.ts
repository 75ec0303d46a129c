import helmet from '@fastify/helmet';
import fp from 'fastify-plugin';

/** What the API answers is data: a browser that is led to it may do nothing with it, and keeps no copy. */
const DATA_ONLY = {
  defaultSrc: ["'none'"],
  frameAncestors: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
};

/** What Swagger UI needs: its own files, icons that are data, and calls to this very service. */
const SWAGGER_UI = {
  ...DATA_ONLY,
  scriptSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
};

/** What the console needs: its own files and this very service, and no way to make markup out of text. */
const CONSOLE = {
  ...DATA_ONLY,
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'"],
  connectSrc: ["'self'"],
  requireTrustedTypesFor: ["'script'"],
  trustedTypes: ["'none'"],
};

/** What Bull Board needs: its own files, which set styles as they go, icons that are data, and calls to itself. */
const QUEUES = { ...SWAGGER_UI, baseUri: ["'self'"] };

/** Not upgrade-insecure-requests: on loopback there is no TLS to upgrade to. */
const policyOf = (directives: Record<string, string[]>) => ({
  contentSecurityPolicy: { useDefaults: false, directives },
});

/** For the routes of Swagger UI, as their `config`. */
export const SWAGGER_UI_HEADERS = { helmet: policyOf(SWAGGER_UI) };

/** For the routes of the queues, as their `config`. */
export const QUEUES_HEADERS = { helmet: policyOf(QUEUES) };

/** For the routes of the console, as their `config`. */
export const CONSOLE_HEADERS = { helmet: policyOf(CONSOLE) };

/** The headers that tell browsers what not to do. */
export const securityHeaders = fp(
  async (app) => {
    app.addHook('onRequest', async (_request, reply) => {
      void reply.header('Cache-Control', 'no-store');
    });
    await app.register(helmet, { ...policyOf(DATA_ONLY), frameguard: { action: 'deny' } });
  },
  { name: 'security-headers' },
);
