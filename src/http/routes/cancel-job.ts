import { cancelJob } from '../../commands/cancel-job.ts';
import type { App, AppDeps } from '../deps.ts';
import { principalOf } from '../principal.ts';
import { ref } from '../schemas/component.ts';
import { DestinationSelection } from '../schemas/destination-selection.ts';
import { JobPath, ChangeHeaders } from '../schemas/parameters.ts';
import { BODY_ERRORS, JOB_ACCEPTED, JOB_ERRORS, KEY_ERRORS, OPTIONAL_BODY, problems } from '../documented.ts';

const schema = {
  operationId: 'cancelJob',
  tags: ['jobs'],
  summary: 'Cancel what is not finished',
  description:
    'Copies that have not finished are stopped, and what EC2 made of them is removed. Finished ones are kept. With "destinations" in the body only these are stopped, and the others go on.',
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
      'job-finished',
    ),
  },
} as const;

export function cancelJobRoute(app: App, deps: AppDeps): void {
  const config = { access: ['amis:copy', 'amis:share'], optionalBody: true } as const;
  app.post('/jobs/:id/cancel', { schema, config }, async (request, reply) => {
    const { params, claim, body } = request;
    const job = await cancelJob(deps, params.id, principalOf(request), claim, body.destinations);
    return reply.sendJob(job, 202);
  });
}
