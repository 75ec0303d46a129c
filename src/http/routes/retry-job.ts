import { retryJob } from '../../commands/retry-job.ts';
import type { App, AppDeps } from '../deps.ts';
import { principalOf } from '../principal.ts';
import { ref } from '../schemas/component.ts';
import { DestinationSelection } from '../schemas/destination-selection.ts';
import { JobPath, ChangeHeaders } from '../schemas/parameters.ts';
import { BODY_ERRORS, JOB_ACCEPTED, JOB_ERRORS, KEY_ERRORS, OPTIONAL_BODY, problems } from '../documented.ts';

const schema = {
  operationId: 'retryJob',
  tags: ['jobs'],
  summary: 'Try the failed destinations again',
  description:
    'Copies to the failed destinations anew. Those that succeeded are left as they are. With "destinations" in the body only these are tried again.',
  params: JobPath,
  headers: ChangeHeaders,
  body: ref(DestinationSelection),
  ...OPTIONAL_BODY,
  response: {
    ...JOB_ACCEPTED,
    ...problems(
      ...BODY_ERRORS,
      ...JOB_ERRORS,
      ...KEY_ERRORS,
      'job-not-found',
      'unknown-destination',
      'nothing-to-retry',
      'job-running',
      'outside-policy',
    ),
  },
} as const;

export function retryJobRoute(app: App, deps: AppDeps): void {
  const config = { access: ['amis:copy', 'amis:share'], optionalBody: true } as const;
  app.post('/jobs/:id/retry', { schema, config }, async (request, reply) => {
    const { params, claim, body } = request;
    const job = await retryJob(deps, params.id, principalOf(request), claim, body.destinations);
    return reply.sendJob(job, 202);
  });
}
