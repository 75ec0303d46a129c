import AjvCompiler from '@fastify/ajv-compiler';
import { expect } from 'vitest';

/** The parts of an OpenAPI document that the tests look at. */
export interface Operation {
  operationId?: string;
  summary?: string;
  description?: string;
  tags?: string[];
  parameters?: {
    name: string;
    in: string;
    required?: boolean;
    example?: string;
    schema: object;
    description?: string;
  }[];
  requestBody?: { content: Record<string, { schema: { $ref: string } }> };
  responses: Record<
    string,
    {
      description: string;
      content?: Record<
        string,
        { schema: object; examples?: Record<string, { summary?: string; value: unknown }> }
      >;
    }
  >;
}

export interface OpenApi {
  openapi: string;
  info: { title: string; version: string };
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { examples?: unknown[] }> };
}

export function operationsOf(document: OpenApi) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
}

/** Where the schema at a JSON pointer is defined: a component that many answers refer to is compiled once. */
function definitionOf(document: OpenApi, pointer: string): string {
  const keys = pointer.split('/').slice(1);
  let node: unknown = document;
  for (const key of keys)
    node = (node as Record<string, unknown> | undefined)?.[key.replaceAll('~1', '/').replaceAll('~0', '~')];
  const ref = (node as { $ref?: string } | undefined)?.$ref;
  return ref?.slice(1) ?? pointer;
}

/** Compiles schemas of the document, by their JSON pointer in it. */
export function schemasOf(document: OpenApi): (pointer: string) => (value: unknown) => void {
  const compile = AjvCompiler()(
    { document: { $id: 'document', ...document } },
    { customOptions: { strict: false } },
  );
  const compiled = new Map<string, ReturnType<typeof compile>>();
  return (pointer) => {
    const defined = definitionOf(document, pointer);
    const valid = compiled.get(defined) ?? compile({ schema: { $ref: `document#${encodeURI(defined)}` } });
    compiled.set(defined, valid);
    return (value) => {
      const holds = valid(value);
      expect(valid.errors ?? [], `${pointer} of ${JSON.stringify(value)}`).toEqual([]);
      expect(holds).toBe(true);
    };
  };
}

/** The check that an answer is one of those that its route documents. */
export function conformance(document: OpenApi) {
  const schema = schemasOf(document);
  const known = operationsOf(document).map(({ path, method, operation }) => ({
    path,
    method,
    operation,
    pattern: new RegExp(`^${path.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`),
  }));
  return (
    method: string,
    url: string,
    answer: { statusCode: number; headers: Record<string, unknown>; body: string },
  ): void => {
    const path = url.split('?')[0] ?? url;
    const route = known.find((one) => one.method === method.toLowerCase() && one.pattern.test(path));
    if (route === undefined) return;
    const status = String(answer.statusCode);
    const documented = route.operation.responses[status];
    const missing = `${method} ${route.path} answers ${status}, which its schema does not document: add it to "response" (problems(…codes) for an error). Its body begins ${answer.body.slice(0, 300)}`;
    expect(Object.keys(route.operation.responses), missing).toContain(status);
    if (answer.body === '' && documented?.content === undefined) return;
    const type = String(answer.headers['content-type']).split(';')[0] ?? '';
    expect(Object.keys(documented?.content ?? {}), `type of ${method} ${route.path} ${status}`).toContain(
      type,
    );
    const steps = ['paths', route.path, route.method, 'responses', status, 'content', type, 'schema'];
    const pointer = steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
    schema(pointer)(type === 'text/plain' ? answer.body : JSON.parse(answer.body));
  };
}
