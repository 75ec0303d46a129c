import { viewPermissions } from '../../commands/view-permissions.ts';
import type { App, AppDeps } from '../deps.ts';
import { imageNamed } from '../lookups.ts';
import { ImagePath, ScopeQuery } from '../schemas/parameters.ts';
import { Permissions } from '../schemas/permissions.ts';
import { answer, EC2_ERRORS, problems } from '../documented.ts';

const schema = {
  operationId: 'getPermissions',
  tags: ['permissions'],
  summary: 'Read who may launch an image',
  description:
    'Who may launch and copy the image now, and whether it can be shared: if not, why, and what to do.',
  params: ImagePath,
  querystring: ScopeQuery,
  response: {
    200: answer('The permissions, as EC2 has them now.', Permissions),
    ...problems(...EC2_ERRORS, 'image-not-found', 'not-image-owner', 'foreign-snapshot'),
  },
} as const;

export function getPermissions(app: App, deps: AppDeps): void {
  app.get('/amis/:imageId/permissions', { schema, config: { access: ['amis:read'] } }, async (request) =>
    viewPermissions(deps, await imageNamed(deps, request)),
  );
}
