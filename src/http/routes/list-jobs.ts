import type { App, AppDeps } from '../deps.ts';
import { visibleJobs } from '../principal.ts';
import { momentFor, presentJobPage } from '../present.ts';
import { JobPage } from '../schemas/job.ts';
import { JobsQuery } from '../schemas/parameters.ts';
import { answer, JOB_ERRORS, problems } from '../documented.ts';

const DEFAULT_LIMIT = 20;

const schema = {
  operationId: 'listJobs',
  tags: ['jobs'],
  summary: 'List jobs, newest first',
  description:
    'Filters can be combined. A page with a nextCursor is not the last one, even if it has fewer jobs than asked for, or none: the number of jobs read for one page and its size are limited.',
  querystring: JobsQuery,
  response: {
    200: answer('A page of jobs.', JobPage),
    ...problems(...JOB_ERRORS, 'invalid-cursor'),
  },
} as const;

export function listJobs(app: App, deps: AppDeps): void {
  app.get('/jobs', { schema, config: { access: ['amis:read'] } }, async (request) => {
    const filter = { limit: DEFAULT_LIMIT, ...request.query, ...visibleJobs(request) };
    const page = await deps.store.list(filter);
    return presentJobPage(page, await momentFor(deps, page.jobs));
  });
}
