import type { App, AppDeps } from '../deps.ts';
import { NEVER_SHED } from '../plugins/load-shedding.ts';
import { readiness } from '../readiness.ts';
import { Alive, Health } from '../schemas/health.ts';
import { answer, problems } from '../documented.ts';

const live = {
  operationId: 'getLiveness',
  tags: ['service'],
  summary: 'Whether the process runs',
  description: 'Looks at nothing else, so that an outage of Redis or EC2 restarts nothing.',
  response: { 200: answer('It runs.', Alive), ...problems() },
} as const;

const ready = {
  operationId: 'getReadiness',
  tags: ['service'],
  summary: 'Whether the service can do its work',
  description:
    'Redis, its settings, the EC2 credentials (asked at most every 30 seconds), and as a warning whether a worker is running, each with what is wrong.',
  response: {
    ...problems(),
    200: answer('It can.', Health),
    503: answer('Something that it needs is missing: see the checks.', Health),
  },
} as const;

/** Supervisors have no credentials, and are never turned away. */
const PROBE = { ...NEVER_SHED, access: 'everybody', rateLimit: false, anyHost: true } as const;

/** Not by their schemas: what compiles those is loaded with the first, and these are asked for while the process starts. */
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
