import { requestCopy } from '../../commands/request-copy.ts';
import type { App, AppDeps } from '../deps.ts';
import { imageNamed } from '../lookups.ts';
import { originOf } from '../origin.ts';
import { principalOf } from '../principal.ts';
import { ref } from '../schemas/component.ts';
import { CopyRequest } from '../schemas/copy-request.ts';
import { ImagePath, ChangeHeaders, ScopeQuery } from '../schemas/parameters.ts';
import { CHANGE_ERRORS, JOB_ACCEPTED, problems, SHARING_ERRORS } from '../documented.ts';

const schema = {
  operationId: 'copyImage',
  tags: ['images'],
  summary: 'Copy an image to other regions',
  description:
    'Accepts a copy to one or many regions and answers at once with the job. Everything that can be checked is checked before anything changes: a refused request has changed nothing.',
  params: ImagePath,
  querystring: ScopeQuery,
  headers: ChangeHeaders,
  body: ref(CopyRequest),
  response: {
    ...JOB_ACCEPTED,
    ...problems(
      ...CHANGE_ERRORS,
      ...SHARING_ERRORS,
      'webhooks-off',
      'webhook-refused',
      'foreign-product-codes',
      'source-not-shared',
      'same-region',
      'encryption-cannot-be-removed',
      'key-not-found',
      'key-not-usable',
      'key-required',
    ),
  },
} as const;

export function copyImage(app: App, deps: AppDeps): void {
  app.post('/amis/:imageId/copies', { schema, config: { access: ['amis:copy'] } }, async (request, reply) => {
    const job = await requestCopy(
      deps,
      await imageNamed(deps, request),
      request.body,
      principalOf(request),
      originOf(deps, request),
    );
    return reply.sendJob(job, 202);
  });
}
