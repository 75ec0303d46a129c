import { requireJob } from '../../commands/require-job.ts';
import type { App, AppDeps } from '../deps.ts';
import { principalOf } from '../principal.ts';
import { Job } from '../schemas/job.ts';
import { JobPath, PreferHeader } from '../schemas/parameters.ts';
import { answer, JOB_ERRORS, PREFERENCE_APPLIED, problems } from '../documented.ts';

const schema = {
  operationId: 'getJob',
  tags: ['jobs'],
  summary: 'Read the state and progress of a job',
  description:
    'The job with each of its destinations. With Prefer: wait=N the answer is held until the job has finished, for at most N seconds.',
  params: JobPath,
  headers: PreferHeader,
  response: {
    200: answer('The job.', Job, PREFERENCE_APPLIED),
    ...problems(...JOB_ERRORS, 'job-not-found'),
  },
} as const;

export function getJobRoute(app: App, deps: AppDeps): void {
  app.get('/jobs/:id', { schema, config: { access: ['amis:read'] } }, async (request, reply) =>
    reply.sendJob(await requireJob(deps, request.params.id, principalOf(request)), 200),
  );
}
