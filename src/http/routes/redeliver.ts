import { redeliverWebhook } from '../../commands/redeliver.ts';
import type { App, AppDeps } from '../deps.ts';
import { principalOf } from '../principal.ts';
import { ChangeHeaders, DeliveryPath } from '../schemas/parameters.ts';
import { CHANGE_ERRORS, JOB_ACCEPTED, problems } from '../documented.ts';

const schema = {
  operationId: 'redeliver',
  tags: ['jobs'],
  summary: 'Send a webhook again',
  description:
    'Sends one message of the job again with the same webhook-id, after it was delivered or had failed.',
  params: DeliveryPath,
  headers: ChangeHeaders,
  response: {
    ...JOB_ACCEPTED,
    ...problems(...CHANGE_ERRORS, 'job-not-found', 'delivery-not-found'),
  },
} as const;

export function redeliverRoute(app: App, deps: AppDeps): void {
  app.post(
    '/jobs/:id/deliveries/:n/redeliver',
    { schema, config: { access: ['amis:copy', 'amis:share'] } },
    async (request, reply) => {
      const { id, n } = request.params;
      return reply.sendJob(
        await redeliverWebhook(deps, id, Number(n), principalOf(request), request.claim),
        202,
      );
    },
  );
}
