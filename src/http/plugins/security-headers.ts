import type { OutgoingHttpHeaders } from 'node:http';
import helmet from '@fastify/helmet';
import fp from 'fastify-plugin';

/** The policy for answers of the API, which are data: a browser may load and run nothing from them. */
const DATA_ONLY = {
  defaultSrc: ["'none'"],
  frameAncestors: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
};

/** Swagger UI needs its own files, icons as data: URLs, and calls to this service. */
const SWAGGER_UI = {
  ...DATA_ONLY,
  scriptSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
};

/** The console needs its own files and calls to this service. Trusted Types keep it from parsing text as markup. */
const CONSOLE = {
  ...DATA_ONLY,
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'"],
  connectSrc: ["'self'"],
  requireTrustedTypesFor: ["'script'"],
  trustedTypes: ["'none'"],
};

/** Bull Board needs its own files, inline styles, icons as data: URLs, and calls to itself. */
const QUEUES = { ...SWAGGER_UI, baseUri: ["'self'"] };

/** Without upgrade-insecure-requests: on loopback there is no TLS. */
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
    /** What browsers may do with the route's answers; default: nothing. */
    headers?: HeaderPolicy;
  }
}

/** Sets security headers on every answer. Helmet calculates them once for each policy, not for each request. */
export const securityHeaders = fp(
  async (app) => {
    await app.register(helmet, { global: false, frameguard: { action: 'deny' } });
    const known = new Map<HeaderPolicy, OutgoingHttpHeaders>();
    app.addHook('onRequest', async (request, reply) => {
      const policy = request.routeOptions.config.headers ?? DATA;
      const headers = known.get(policy);
      if (headers !== undefined) return void reply.headers(headers);
      reply.helmet(policy);
      // Helmet writes to the raw response, so its headers are exactly those on it.
      known.set(policy, { ...reply.raw.getHeaders(), 'cache-control': 'no-store' });
      void reply.header('Cache-Control', 'no-store');
    });
  },
  { name: 'security-headers' },
);
