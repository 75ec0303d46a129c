import { retryJob } from '../../commands/retry-job.ts';
import type { App, AppDeps } from '../deps.ts';
import { JobPath, PreferHeader } from '../schemas/parameters.ts';
import { JOB_ACCEPTED, JOB_ERRORS, problems } from './documented.ts';

const schema = {
  operationId: 'retryJob',
  tags: ['jobs'],
  summary: 'Try the failed destinations again',
  description: 'Copies to the failed destinations anew. Those that succeeded are left as they are.',
  params: JobPath,
  headers: PreferHeader,
  response: { ...JOB_ACCEPTED, ...problems(...JOB_ERRORS, 'job-not-found', 'nothing-to-retry') },
} as const;

export function retryJobRoute(app: App, deps: AppDeps): void {
  app.post('/jobs/:id/retry', { schema }, async (request, reply) =>
    reply.sendJob(await retryJob(deps, request.params.id), 202),
  );
}
