import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Image } from '../../src/http/schemas/image.ts';
import type { CopyJob } from '../../src/http/schemas/job.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import { logLines } from '../helpers/log-lines.ts';
import type { Api } from './api.ts';
import { startApi } from './api.ts';

/** Names that mean something to JavaScript, to a log or to a page: here they are values like others. */
const { logger, lines } = logLines();
let api: Api;
beforeAll(async () => {
  api = await startApi({ logger }, { logger });
});
afterAll(() => api.stop());

const IMAGE_ID = 'ami-0a1b2c3d4e5f68888';
const OWN_NAMES = { constructor: 'c', toString: 't', hasOwnProperty: 'h', valueOf: '{}' };
/** As JSON.parse makes it: an own property, and no prototype. */
const SOURCE_TAGS = JSON.parse('{"__proto__": "p", "prototype": "q", "isAdmin": "\\n{\\"level\\":60}"}');

test('tags that are named as what every object has are copied as they are', async () => {
  await api.service.control.addImage({
    imageId: IMAGE_ID,
    region: 'us-east-1',
    name: 'hostile',
    description: '"}\r\n{"level":60,"msg":"forged"}',
    tags: SOURCE_TAGS,
    snapshots: [{ sizeGiB: 1 }],
  });
  const answer = await api.post(
    `/amis/${IMAGE_ID}/copies?region=us-east-1`,
    { tags: OWN_NAMES, destinations: [{ region: 'eu-west-1' }], description: 'plain' },
    { prefer: 'wait=20' },
  );
  expect(answer.statusCode, answer.body).toBe(200);
  const [destination] = answer.json<CopyJob>().destinations;
  expect(destination).toMatchObject({ state: 'succeeded' });
  const copy = (await api.get(`/amis/${destination?.imageId}?region=eu-west-1`)).json<Image>();
  const expected = [...Object.entries(SOURCE_TAGS), ...Object.entries(OWN_NAMES)];
  expect(Object.entries(copy.tags)).toEqual(expect.arrayContaining(expected));
  expect(({} as Record<string, unknown>)['isAdmin']).toBeUndefined();
});

test.each([
  ['__proto__', '{"destinations": [{"region": "eu-west-1"}], "tags": {"__proto__": {"isAdmin": "yes"}}}'],
  ['constructor.prototype', '{"destinations": [], "constructor": {"prototype": {"isAdmin": true}}}'],
])('a body with %s is refused', async (_name, payload) => {
  const headers = { 'content-type': 'application/json' };
  const url = `/amis/${IMAGE_ID}/copies?region=us-east-1`;
  const answer = await api.call({ method: 'POST', url, headers, payload });
  expect([answer.statusCode, answer.json<Problem>().code]).toEqual([400, 'invalid-json']);
});

test('whatever a caller sends, a log entry is one line of JSON', async () => {
  const forged = '%0d%0a%7b%22level%22:60%7d';
  await api.get(`/jobs/${forged}?region=${forged}`);
  await api.get('/jobs', { 'x-request-id': 'a\r\nb', 'user-agent': '\u2028{"level":60}' });
  await api.get(`/jobs?__proto__=1&constructor=${forged}`);
  const entries = lines.map((line) => JSON.parse(line) as { level: number });
  expect(entries.length).toBeGreaterThan(5);
  expect(lines.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true);
  expect(entries.filter(({ level }) => level >= 50)).toEqual([]);
});
