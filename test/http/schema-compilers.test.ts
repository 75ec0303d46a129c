import { fastify } from 'fastify';
import { expect, test } from 'vitest';
import { schemaCompilers } from '../../src/http/schema-compilers.ts';
import { COPIES, startApi } from './api.ts';

test('what is compiled at its first use answers as what is compiled at the start', async () => {
  const requests = [
    [COPIES, { destinations: [{ region: 'EU' }], encrypted: 'true', nmae: 'x' }, {}],
    [COPIES, { destinations: [] }, { prefer: 'wait=99' }],
    [`${COPIES}&limit=x`, { destinations: [{ region: 'eu-west-1' }] }, {}],
    ['/amis/ami-1/copies', { destinations: [{ region: 'eu-west-1' }] }, {}],
    [COPIES, { destinations: [{ region: 'eu-west-1' }] }, {}],
  ] as const;
  const lazy = await startApi({ workers: 0 }, { compileAtOnce: false });
  const eager = await startApi({ workers: 0 }, { compileAtOnce: true });
  for (const [url, body, headers] of requests) {
    // Twice: the second time everything is compiled in both.
    for (let i = 0; i < 2; i += 1) {
      const [one, other] = await Promise.all([lazy, eager].map((api) => api.post(url, body, headers)));
      const told = (answer: typeof one) => ({
        status: answer?.statusCode,
        body: answer?.body.replaceAll(/[0-9a-f-]{36}|\d{4}-\d\d-\d\dT[\d:.]+Z/g, '…'),
      });
      expect(told(one)).toEqual(told(other));
    }
  }
  await Promise.all([lazy.stop(), eager.stop()]);
});

const NO_SCHEMA = { type: 'objekt' };

test.each([
  ['a body', { body: NO_SCHEMA }],
  ['an answer', { response: { 200: NO_SCHEMA } }],
])('%s whose schema is invalid stops the start, where all is compiled then', async (_, schema) => {
  const app = (atOnce: boolean) => {
    const instance = fastify({ schemaController: { compilersFactory: schemaCompilers(atOnce) } });
    instance.post('/', { schema }, async () => ({ ok: true }));
    return instance;
  };
  await expect(app(true).ready()).rejects.toThrow(/objekt|type/);
  const answer = await app(false).inject({ method: 'POST', url: '/', payload: { a: 1 } });
  expect(answer.statusCode).toBe(500);
});
