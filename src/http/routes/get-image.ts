import { requireImage } from '../../commands/require-image.ts';
import type { App, AppDeps } from '../deps.ts';
import { imageNamed } from '../lookups.ts';
import { presentImage } from '../present.ts';
import { Image } from '../schemas/image.ts';
import { ImagePath, ScopeQuery } from '../schemas/parameters.ts';
import { answer, EC2_ERRORS, problems } from '../documented.ts';

const schema = {
  operationId: 'getImage',
  tags: ['images'],
  summary: 'Read an image',
  description: 'Its name, state, encryption, snapshots and tags, as EC2 describes it now.',
  params: ImagePath,
  querystring: ScopeQuery,
  response: {
    200: answer('The image.', Image),
    ...problems(...EC2_ERRORS, 'image-not-found'),
  },
} as const;

export function getImageRoute(app: App, deps: AppDeps): void {
  app.get('/amis/:imageId', { schema, config: { access: ['amis:read'] } }, async (request) =>
    presentImage(await requireImage(deps, await imageNamed(deps, request))),
  );
}
