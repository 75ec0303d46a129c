import fp from 'fastify-plugin';
import type { Metrics } from '../../metrics/metrics.ts';

/** Counts and times every answered request by the route's pattern: paths contain ids, so there is no bound on their number. */
export const httpMetrics = fp<{ metrics: Pick<Metrics, 'request'> }>(
  async (app, { metrics }) => {
    app.addHook('onResponse', async ({ routeOptions, method }, reply) => {
      if (String(reply.getHeader('content-type')).startsWith('text/event-stream')) return;
      metrics.request(routeOptions.url ?? 'none', method, reply.statusCode, reply.elapsedTime);
    });
  },
  { name: 'http-metrics' },
);
