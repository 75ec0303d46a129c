import { Type } from 'typebox';
import type { App } from '../deps.ts';
import { problems } from '../documented.ts';

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
  // Serialised once: the document has 250 KB, and the route is public.
  let text: string | undefined;
  const serializerCompiler = () => () => (text ??= JSON.stringify(app.swagger()));
  const options = { schema, config: { access: 'everybody' }, serializerCompiler } as const;
  app.get('/openapi.json', options, async () => ({}));
}
