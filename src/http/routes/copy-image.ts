import { requestCopy } from '../../commands/request-copy.ts';
import type { App, AppDeps } from '../deps.ts';
import { imageNamed } from '../lookups.ts';
import { originOf } from '../origin.ts';
import { principalOf } from '../principal.ts';
import { ref } from '../schemas/component.ts';
import { CopyRequest } from '../schemas/copy-request.ts';
import { ImagePath, ChangeHeaders, RegionQuery } from '../schemas/parameters.ts';
import { BODY_ERRORS, EC2_ERRORS, JOB_ACCEPTED, JOB_ERRORS, KEY_ERRORS, problems } from '../documented.ts';

const schema = {
  operationId: 'copyImage',
  tags: ['images'],
  summary: 'Copy an image to other regions',
  description:
    'Accepts a copy to one or many regions and answers at once with the job. Everything that can be checked is checked first: a refused request has changed nothing.',
  params: ImagePath,
  querystring: RegionQuery,
  headers: ChangeHeaders,
  body: ref(CopyRequest),
  response: {
    ...JOB_ACCEPTED,
    ...problems(
      ...BODY_ERRORS,
      ...JOB_ERRORS,
      ...KEY_ERRORS,
      ...EC2_ERRORS,
      'webhooks-off',
      'webhook-refused',
      'image-not-found',
      'image-not-available',
      'other-partition',
      'foreign-product-codes',
      'foreign-snapshot',
      'same-region',
      'encryption-cannot-be-removed',
      'outside-policy',
      'key-not-found',
      'key-not-usable',
      'key-required',
      'aws-managed-key',
      'public-and-encrypted',
      'public-with-product-codes',
      'public-access-blocked',
      'too-many-public-images',
      'too-many-sharees',
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
