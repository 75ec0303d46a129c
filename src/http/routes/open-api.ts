import { Type } from 'typebox';
import type { App } from '../deps.ts';
import { problems } from './documented.ts';

const schema = {
  operationId: 'getOpenApi',
  tags: ['service'],
  summary: 'This document',
  description: 'The OpenAPI 3.1 description of all routes.',
  response: {
    200: Type.Record(Type.String(), Type.Unknown(), { description: 'The document.' }),
    ...problems('overloaded'),
  },
} as const;

export function openApiDocument(app: App): void {
  app.get('/openapi.json', { schema, config: { access: 'everybody' } }, async () => ({ ...app.swagger() }));
}
