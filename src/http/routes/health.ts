import type { App, AppDeps } from '../deps.ts';
import { NEVER_SHED } from '../plugins/load-shedding.ts';
import { readiness } from '../readiness.ts';
import { Alive, Health } from '../schemas/health.ts';
import { answer, problems } from '../documented.ts';

const live = {
  operationId: 'getLiveness',
  tags: ['service'],
  summary: 'Whether the process runs',
  description:
    'Checks nothing else, so that an outage of Redis or EC2 makes no supervisor restart the process.',
  response: { 200: answer('It runs.', Alive), ...problems() },
} as const;

const ready = {
  operationId: 'getReadiness',
  tags: ['service'],
  summary: 'Whether the service can do its work',
  description:
    'Redis, its settings, the EC2 credentials (checked at most every 30 seconds), and as a warning whether a worker is running. A failed check says what is wrong.',
  response: {
    ...problems(),
    200: answer('It can.', Health),
    503: answer('Something that the service needs is missing: see the checks.', Health),
  },
} as const;

/** Supervisors have no credentials, and are never refused. */
const PROBE = { ...NEVER_SHED, access: 'everybody', rateLimit: false, anyHost: true } as const;

/** Serialised without a schema: these routes are requested while the process starts, when the schema compiler is not loaded yet. */
const serializerCompiler = () => JSON.stringify;

export function health(app: App, deps: AppDeps): void {
  app.get('/health/live', { schema: live, config: PROBE, serializerCompiler }, async () => ({
    status: 'ok' as const,
  }));

  const look = readiness(deps);
  app.get('/health/ready', { schema: ready, config: PROBE, serializerCompiler }, async (_request, reply) => {
    const found = await look();
    return reply.code(found.status === 'ready' ? 200 : 503).send(found);
  });
}
