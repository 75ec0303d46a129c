import { Type } from 'typebox';
import type { App, AppDeps } from '../deps.ts';
import { NEVER_SHED } from '../plugins/load-shedding.ts';
import { problems } from '../documented.ts';

const schema = {
  operationId: 'getMetrics',
  tags: ['service'],
  summary: 'Metrics for Prometheus',
  description:
    "This process's requests, calls to EC2, memory and event loop, and the jobs, copies and queue in Redis, in the Prometheus text format.",
  response: {
    200: {
      description: 'The metrics.',
      content: { 'text/plain': { schema: Type.String() } },
    },
    ...problems('overloaded'),
  },
} as const;

export function metrics(app: App, deps: AppDeps): void {
  const config = { ...NEVER_SHED, access: ['amis:read'] } as const;
  app.get('/metrics', { schema, config }, async (_request, reply) =>
    reply.type(deps.metrics.contentType).send(await deps.metrics.text()),
  );
}
