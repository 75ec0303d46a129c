import { cancelJob } from '../../commands/cancel-job.ts';
import { retryJob } from '../../commands/retry-job.ts';
import type { App, AppDeps } from '../deps.ts';
import { principalOf } from '../principal.ts';
import { ref } from '../schemas/component.ts';
import { DestinationSelection } from '../schemas/destination-selection.ts';
import { JobPath, ChangeHeaders } from '../schemas/parameters.ts';
import { CHANGE_ERRORS, JOB_ACCEPTED, OPTIONAL_BODY, problems } from '../documented.ts';

const ERRORS = [...CHANGE_ERRORS, 'job-not-found', 'unknown-destination'] as const;

const common = {
  tags: ['jobs'],
  params: JobPath,
  headers: ChangeHeaders,
  body: ref(DestinationSelection),
  ...OPTIONAL_BODY,
};

const cancel = {
  ...common,
  operationId: 'cancelJob',
  summary: 'Cancel what is not finished',
  description:
    'Copies that have not finished are stopped, and their images and snapshots are removed. Finished copies are kept. With "destinations" in the body, only those are stopped and the others continue.',
  response: { ...JOB_ACCEPTED, ...problems(...ERRORS, 'job-finished') },
};

const retry = {
  ...common,
  operationId: 'retryJob',
  summary: 'Retry the failed destinations',
  description:
    'Starts a new attempt for each failed destination. Destinations that succeeded stay as they are. With "destinations" in the body, only those are retried.',
  response: { ...JOB_ACCEPTED, ...problems(...ERRORS, 'nothing-to-retry', 'job-running', 'outside-policy') },
};

/** The two ways to change a job that exists, as a whole or some of its destinations. */
export function cancelAndRetryRoutes(app: App, deps: AppDeps): void {
  const config = { access: ['amis:copy', 'amis:share'], optionalBody: true } as const;
  for (const [name, schema, command] of [
    ['cancel', cancel, cancelJob],
    ['retry', retry, retryJob],
  ] as const)
    app.post(`/jobs/:id/${name}`, { schema, config }, async (request, reply) => {
      const { params, claim, body } = request;
      const job = await command(deps, params.id, principalOf(request), claim, body.destinations);
      return reply.sendJob(job, 202);
    });
}
