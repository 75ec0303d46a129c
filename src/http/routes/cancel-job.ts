import { cancelJob } from '../../commands/cancel-job.ts';
import type { App, AppDeps } from '../deps.ts';
import { principalOf } from '../principal.ts';
import { JobPath, ChangeHeaders } from '../schemas/parameters.ts';
import { BODY_ERRORS, JOB_ACCEPTED, JOB_ERRORS, KEY_ERRORS, problems } from './documented.ts';

const schema = {
  operationId: 'cancelJob',
  tags: ['jobs'],
  summary: 'Cancel what is not finished',
  description:
    'Copies that have not finished are stopped, and what EC2 made of them is removed. Finished ones are kept.',
  params: JobPath,
  headers: ChangeHeaders,
  response: {
    ...JOB_ACCEPTED,
    ...problems(...BODY_ERRORS, ...JOB_ERRORS, ...KEY_ERRORS, 'job-not-found', 'job-finished'),
  },
} as const;

export function cancelJobRoute(app: App, deps: AppDeps): void {
  app.post(
    '/jobs/:id/cancel',
    { schema, config: { access: ['amis:copy', 'amis:share'] } },
    async (request, reply) =>
      reply.sendJob(await cancelJob(deps, request.params.id, principalOf(request), request.claim), 202),
  );
}
