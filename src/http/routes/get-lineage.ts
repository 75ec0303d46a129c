import { lineage } from '../../commands/lineage.ts';
import type { App, AppDeps } from '../deps.ts';
import { imageNamed } from '../lookups.ts';
import { Lineage } from '../schemas/lineage.ts';
import { ImagePath, RegionQuery } from '../schemas/parameters.ts';
import { answer, EC2_ERRORS, problems } from '../documented.ts';

const schema = {
  operationId: 'getLineage',
  tags: ['images'],
  summary: 'Where an image was copied to, and what it is a copy of',
  description:
    'As EC2 itself describes it, so copies that were made by other means are listed too. Every region is asked, and each counts as one request (RATE_LIMIT).',
  params: ImagePath,
  querystring: RegionQuery,
  response: {
    200: answer('The lineage.', Lineage),
    ...problems(...EC2_ERRORS, 'image-not-found'),
  },
} as const;

export function getLineage(app: App, deps: AppDeps): void {
  // One call of EC2 in each region, and one for the image itself.
  const config = { access: ['amis:read'], cost: deps.regions.length + 1 } as const;
  app.get('/amis/:imageId/copies', { schema, config }, async (request) =>
    lineage(deps, await imageNamed(deps, request)),
  );
}
