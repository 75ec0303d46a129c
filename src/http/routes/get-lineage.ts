import { callsOfLineage, lineage } from '../../commands/lineage.ts';
import type { App, AppDeps } from '../deps.ts';
import { imageNamed } from '../lookups.ts';
import { Lineage } from '../schemas/lineage.ts';
import { ImagePath, ScopeQuery } from '../schemas/parameters.ts';
import { answer, EC2_ERRORS, problems } from '../documented.ts';

const schema = {
  operationId: 'getLineage',
  tags: ['images'],
  summary: 'Read the copies and the ancestors of an image',
  description:
    "As EC2 describes them, so copies that other tools made are listed too. The service's own account and all that are configured are queried, each in its regions; every call counts as one request for RATE_LIMIT. An account or region that can't be queried is listed in `unanswered`.",
  params: ImagePath,
  querystring: ScopeQuery,
  response: {
    200: answer('The lineage.', Lineage),
    ...problems(...EC2_ERRORS, 'image-not-found'),
  },
} as const;

export function getLineage(app: App, deps: AppDeps): void {
  const config = { access: ['amis:read'], cost: () => callsOfLineage(deps) } as const;
  app.get('/amis/:imageId/copies', { schema, config }, async (request) =>
    lineage(deps, await imageNamed(deps, request)),
  );
}
