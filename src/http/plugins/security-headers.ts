import type { OutgoingHttpHeaders } from 'node:http';
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
export const SWAGGER_UI_HEADERS = { headers: policyOf(SWAGGER_UI) };

/** For the routes of the queues, as their `config`. */
export const QUEUES_HEADERS = { headers: policyOf(QUEUES) };

/** For the routes of the console, as their `config`. */
export const CONSOLE_HEADERS = { headers: policyOf(CONSOLE) };

type HeaderPolicy = ReturnType<typeof policyOf>;

const DATA = policyOf(DATA_ONLY);

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What browsers may do with the route's answers; by default nothing. */
    headers?: HeaderPolicy;
  }
}

/** The headers that tell browsers what not to do. Helmet works them out once for each policy, not for each request. */
export const securityHeaders = fp(
  async (app) => {
    await app.register(helmet, { global: false, frameguard: { action: 'deny' } });
    const known = new Map<HeaderPolicy, OutgoingHttpHeaders>();
    app.addHook('onRequest', async (request, reply) => {
      const policy = request.routeOptions.config.headers ?? DATA;
      const headers = known.get(policy);
      if (headers !== undefined) return void reply.headers(headers);
      reply.helmet(policy);
      // Helmet writes past Fastify: these are its headers, and nobody else's.
      known.set(policy, { ...reply.raw.getHeaders(), 'cache-control': 'no-store' });
      void reply.header('Cache-Control', 'no-store');
    });
  },
  { name: 'security-headers' },
);
