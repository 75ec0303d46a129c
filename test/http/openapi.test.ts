import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import type { ErrorCode } from '../../src/errors.ts';
import { ERRORS } from '../../src/errors.ts';
import type { AuditPage } from '../../src/http/schemas/audit.ts';
import type { Job, JobPage } from '../../src/http/schemas/job.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';
import type { OpenApi } from './document.ts';
import { operationsOf, schemasOf } from './document.ts';

const FILE = new URL('../../openapi/openapi.json', import.meta.url);
const document = JSON.parse(await readFile(FILE, 'utf8')) as OpenApi;
const operations = operationsOf(document);
const names = operations.map(({ method, path, operation }) => ({
  name: `${method} ${path}`,
  method,
  path,
  operation,
}));

/** Of the routes that answer with anything but JSON. */
const TYPES: Readonly<Record<string, string>> = {
  '/jobs/{id}/events': 'text/event-stream',
  '/events': 'text/event-stream',
  '/metrics': 'text/plain',
};

/** Every value in the document with its JSON pointer. */
function* walk(value: unknown, pointer = ''): Generator<[pointer: string, value: object]> {
  if (typeof value !== 'object' || value === null) return;
  yield [pointer, value];
  for (const [key, inner] of Object.entries(value)) {
    yield* walk(inner, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  }
}
const everything = [...walk(document)];
const pointers = new Set(everything.map(([pointer]) => pointer));

describe('the document', () => {
  test('is OpenAPI 3.1 of this version', () => {
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(document.info).toMatchObject({ title: 'amiferry', version: packageJson.version });
    expect(Object.keys(document).sort()).toEqual(['components', 'info', 'openapi', 'paths', 'tags']);
  });

  test('has no reference that leads nowhere', () => {
    const refs = everything.flatMap(([, value]) => ('$ref' in value ? [String(value.$ref)] : []));
    expect(refs.length).toBeGreaterThan(20);
    const lost = refs.filter((ref) => !pointers.has(ref.replace(/^#/, '')));
    expect(lost, 'a schema that is referred to has to be in COMPONENTS of src/http/schemas/index.ts').toEqual(
      [],
    );
  });

  test('names every component as the source does, and uses each', () => {
    const used = new Set(everything.flatMap(([, value]) => ('$ref' in value ? [value.$ref] : [])));
    const unused = Object.keys(document.components.schemas).filter(
      (name) => !used.has(`#/components/schemas/${name}`),
    );
    expect(unused).toEqual([]);
  });

  test('has no word of OpenAPI 3.0', () => {
    const old = everything.filter(([, value]) => 'nullable' in value && typeof value.nullable === 'boolean');
    expect(old).toEqual([]);
  });

  test('closes every object that a caller sends', () => {
    expect(document.components.schemas).toMatchObject({
      CopyRequest: { additionalProperties: false },
      CopyDestination: { additionalProperties: false },
    });
  });
});

describe('routes', () => {
  test('all have an operationId of their own and a tag that is described', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = document.tags.map(({ name }) => name);
    for (const { operation } of operations)
      expect(tags).toEqual(expect.arrayContaining(operation.tags ?? ['none']));
    for (const { description } of document.tags) expect(description).toMatch(/\.$/);
  });

  test.each(names)('$name tells what it does', ({ operation }) => {
    expect(operation.operationId).toMatch(/^[a-z][A-Za-z]+$/);
    expect(operation.summary).toMatch(/^[A-Z].{5,70}$/);
    expect(operation.description).toMatch(/\.$/);
  });

  test.each(names)('$name describes its parameters, those of its path among them', ({ path, operation }) => {
    const parameters = operation.parameters ?? [];
    const inPath = parameters.filter((one) => one.in === 'path');
    expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{[^}]+\}/g) ?? []);
    for (const one of inPath)
      expect(one).toMatchObject({ required: true, schema: { pattern: expect.any(String) } });
    for (const one of parameters) expect(one.description).toMatch(/\.$/);
  });

  test.each(names)('$name documents its errors as problem details', ({ operation, path, method }) => {
    const errors = Object.entries(operation.responses).filter(([status]) => Number(status) >= 400);
    const needed = [
      '400',
      '500',
      ...(path.startsWith('/health') ? [] : ['503']),
      ...(method === 'post' && path.includes('{') ? ['404'] : []),
    ];
    expect(errors.map(([status]) => status)).toEqual(expect.arrayContaining(needed));
    for (const [status, { content, description }] of errors) {
      if (path === '/health/ready' && status === '503') continue;
      expect(Object.keys(content ?? {})).toEqual(['application/problem+json']);
      const answer = content?.['application/problem+json'];
      expect(answer?.schema).toEqual({ $ref: '#/components/schemas/Problem' });
      const codes = [...description.matchAll(/^`([a-z0-9-]+)`: /gm)].map(([, code]) => code);
      expect(codes.length).toBeGreaterThan(0);
      expect(Object.keys(answer?.examples ?? {})).toEqual(codes);
    }
  });

  test.each(names)('$name has an example for each code, as the registry has the code', (route) => {
    const problem = schemasOf(document)('/components/schemas/Problem');
    for (const [status, { content }] of Object.entries(route.operation.responses)) {
      const examples = content?.['application/problem+json']?.examples ?? {};
      for (const [code, { summary, value }] of Object.entries(examples)) {
        problem(value);
        const { title, status: registered } = ERRORS[code as ErrorCode];
        expect(summary).toBe(title);
        expect(registered).toBe(Number(status));
        expect(value).toMatchObject({
          code,
          title,
          status: registered,
          type: `urn:amiferry:error:${code}`,
          detail: expect.stringMatching(/.{15}/),
          instance: expect.stringMatching(new RegExp(`^${route.path.replaceAll(/\{[^}]+\}/g, '[^/{:]+')}$`)),
        });
      }
    }
  });

  test.each(names)('$name documents its good answers', ({ path, operation }) => {
    const good = Object.entries(operation.responses).filter(([status]) => Number(status) < 400);
    expect(good.length).toBeGreaterThan(0);
    const type = TYPES[path] ?? 'application/json';
    for (const [status, { content, description }] of good) {
      expect(Object.keys(content ?? {})).toEqual(status === '204' ? [] : [type]);
      expect(description).toMatch(/\.$/);
    }
  });
});

describe('examples', () => {
  const schema = schemasOf(document);

  test('of schemas are as the schema wants them', () => {
    const found = everything.flatMap(([pointer, value]) =>
      'examples' in value && Array.isArray(value.examples) ? [{ pointer, examples: value.examples }] : [],
    );
    expect(found.length).toBeGreaterThan(5);
    for (const { pointer, examples } of found) examples.forEach(schema(pointer));
  });

  test('of parameters are as the parameter wants them', () => {
    const found = everything.flatMap(([pointer, value]) =>
      'in' in value && 'example' in value ? [{ pointer: `${pointer}/schema`, example: value.example }] : [],
    );
    expect(found.length).toBeGreaterThan(5);
    for (const { pointer, example } of found) schema(pointer)(example);
  });

  describe('work as they stand', () => {
    let api: Api;
    beforeAll(async () => {
      api = await startApi({ workers: 0 });
    });
    afterAll(() => api.stop());

    const request = ({ method, path, operation }: (typeof names)[number]) => {
      const query = new URLSearchParams();
      let url = path;
      for (const one of operation.parameters ?? []) {
        if (one.example === undefined) continue;
        if (one.in === 'path') url = url.replace(`{${one.name}}`, one.example);
        else query.set(one.name, one.example);
      }
      const body = operation.requestBody?.content['application/json']?.schema.$ref.split('/').at(-1) ?? '';
      const [example] = document.components.schemas[body]?.examples ?? [];
      const full = `${url}?${query.toString()}`;
      const json = { headers: { 'content-type': 'application/json' }, payload: JSON.stringify(example) };
      return { method: method.toUpperCase(), url: full, ...(example === undefined ? {} : json) };
    };

    // A job's id can't be known before there is the job.
    const withoutJob = names.filter(({ path }) => !path.includes('{id}') && path !== '/events');
    test.each(withoutJob)('$name', async (route) => {
      const answer = await api.call(request(route));
      const [good] = Object.keys(route.operation.responses)
        .filter((status) => Number(status) < 300)
        .toReversed();
      expect(String(answer.statusCode)).toBe(good);
      // A filter that is filled in would hide what the examples before have made.
      if (route.path === '/jobs') expect(answer.json<JobPage>().jobs.length).toBeGreaterThan(1);
      if (route.path === '/audit') expect(answer.json<AuditPage>().entries.length).toBeGreaterThan(1);
    });

    const ofJob = names.filter(({ path }) => path.includes('{id}'));
    test.each(ofJob)('$name says that its job is an example, and answers 404', async (route) => {
      const id = route.operation.parameters?.find(({ name }) => name === 'id');
      expect(id?.description).toContain(
        'The example is not an existing job: `GET /jobs` lists the existing ones.',
      );
      const answer = await api.call(request(route));
      expect([answer.statusCode, answer.json<Problem>().code]).toEqual([404, 'job-not-found']);
    });

    const notStreams = ofJob.filter(({ path }) => !path.endsWith('/events'));
    test.each(notStreams)('$name with the id of a real job', async (route) => {
      const { id } = (await api.post(COPIES, { destinations: [{ region: 'eu-west-1' }] })).json<Job>();
      const { url, ...rest } = request(route);
      const answer = await api.call({ ...rest, url: url.replace(/(?<=^\/jobs\/)[^/?]+/, id) });
      const documented = Object.keys(route.operation.responses);
      expect(documented).toContain(String(answer.statusCode));
      expect(answer.json<Problem>().code).not.toBe('job-not-found');
    });

    test('GET /events', async () => {
      const url = await api.app.listen({ port: 0, host: '127.0.0.1' });
      const abort = new AbortController();
      const answer = await fetch(`${url}/events`, { signal: abort.signal });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toContain('text/event-stream');
      abort.abort();
    });
  });
});

describe('npm run openapi', () => {
  const run = async (...args: string[]) => {
    const entry = new URL('../../tools/bin/openapi.ts', import.meta.url).pathname;
    return promisify(execFile)(process.execPath, [entry, ...args]).then(
      ({ stderr }) => ({ code: 0, stderr }),
      ({ code, stderr }: { code: number; stderr: string }) => ({ code, stderr }),
    );
  };

  test('tells in one line when a file has drifted, and writes it as openapi/openapi.json is', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'amiferry-openapi-'));
    const file = join(dir, 'openapi.json');
    try {
      await writeFile(file, JSON.stringify({ ...document, info: { title: 'another' } }));
      const { code, stderr } = await run('--check', file);
      expect(code).toBe(1);
      expect(stderr.trim().split('\n')).toEqual([expect.stringContaining('npm run openapi')]);
      expect((await run(file)).code).toBe(0);
      // `npm run check` has it compare that file.
      expect(await readFile(file, 'utf8')).toBe(await readFile(FILE, 'utf8'));
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
