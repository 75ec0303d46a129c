import { retryJob } from '../../commands/retry-job.ts';
import type { App, AppDeps } from '../deps.ts';
import { principalOf } from '../principal.ts';
import { JobPath, ChangeHeaders } from '../schemas/parameters.ts';
import { BODY_ERRORS, JOB_ACCEPTED, JOB_ERRORS, KEY_ERRORS, problems } from './documented.ts';

const schema = {
  operationId: 'retryJob',
  tags: ['jobs'],
  summary: 'Try the failed destinations again',
  description: 'Copies to the failed destinations anew. Those that succeeded are left as they are.',
  params: JobPath,
  headers: ChangeHeaders,
  response: {
    ...JOB_ACCEPTED,
    ...problems(
      ...BODY_ERRORS,
      ...JOB_ERRORS,
      ...KEY_ERRORS,
      'job-not-found',
      'nothing-to-retry',
      'job-running',
      'outside-policy',
    ),
  },
} as const;

export function retryJobRoute(app: App, deps: AppDeps): void {
  app.post(
    '/jobs/:id/retry',
    { schema, config: { access: ['amis:copy', 'amis:share'] } },
    async (request, reply) =>
      reply.sendJob(await retryJob(deps, request.params.id, principalOf(request), request.claim), 202),
  );
}
