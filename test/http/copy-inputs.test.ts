import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JobPage } from '../../src/http/schemas/job.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi({ workers: 0 });
});
afterAll(() => api.stop());

const to = (...regions: string[]) => regions.map((region) => ({ region }));
const copy = (more: object) => ({ destinations: to('eu-west-1'), ...more });
const many = (count: number, name: string) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${name}${i}`, '']));

const FIRST = '/destinations/0';
const REGION = 'must be the name of an AWS region';
const NAME = 'must be 3 to 128 characters: letters, digits, spaces';
const TEXT = 'none of them a control character';
const KEY = 'must be a KMS key id';
const MINUTES = 'must be a multiple of 15 between 15 and 2880';
const TAG = 'must be 1 to 127 characters without control characters';

/** All are 400; what the first fault points at, and words that its message has to have. */
type Row = [input: string, body: unknown, pointer: string, words: string];

const invalid: Row[] = [
  ['null', null, '', 'send a JSON object'],
  ['a list', [], '', 'must be an object'],
  ['no destinations', {}, '/destinations', 'is required'],
  ['no destination', { destinations: [] }, '/destinations', '1 to 100'],
  [
    '101 destinations',
    { destinations: to(...Array<string>(101).fill('eu-west-1')) },
    '/destinations',
    '1 to 100',
  ],
  ['a region twice', { destinations: to('eu-west-1', 'eu-west-1') }, '/destinations/1/region', 'named twice'],
  ['US-EAST-1', { destinations: to('US-EAST-1') }, `${FIRST}/region`, REGION],
  ['evil.com/#', { destinations: to('evil.com/#') }, `${FIRST}/region`, REGION],
  ['a region of 60 KB', { destinations: to(`a${'-a'.repeat(30_000)}`) }, `${FIRST}/region`, REGION],
  ['a list of regions', { destinations: [{ region: ['eu-west-1'] }] }, `${FIRST}/region`, 'must be a string'],
  ['a null destination', { destinations: [null] }, FIRST, 'must be an object and not null'],
  ['a destination without a region', { destinations: [{}] }, `${FIRST}/region`, 'is required'],
  ["a destination's bad name", { destinations: [{ region: 'eu-west-1', name: 'x' }] }, `${FIRST}/name`, NAME],
  [
    "a destination's misspelt field",
    { destinations: [{ region: 'eu-west-1', nam: 'abc' }] },
    `${FIRST}/nam`,
    '"name"',
  ],
  ['a name of 2 characters', copy({ name: 'ab' }), '/name', NAME],
  ['a name of 129 characters', copy({ name: 'a'.repeat(129) }), '/name', NAME],
  ['a name with a line break', copy({ name: 'golden\nweb' }), '/name', NAME],
  ['a name that ends in a line break', copy({ name: 'golden\n' }), '/name', NAME],
  ['a name with NUL', copy({ name: 'golden\u0000' }), '/name', NAME],
  ['a name with an emoji', copy({ name: 'golden 🚢' }), '/name', NAME],
  ['a null name', copy({ name: null }), '/name', 'must be a string and not null'],
  ['a description of 256', copy({ description: 'd'.repeat(256) }), '/description', 'at most 255'],
  ['a description with a bell', copy({ description: 'ding \u0007' }), '/description', TEXT],
  ['a description with a C1 control', copy({ description: '\u009b31m' }), '/description', TEXT],
  ['a description with half a surrogate pair', copy({ description: '\ud83d' }), '/description', TEXT],
  ['a misspelt field', copy({ copyTag: true }), '/copyTag', 'is "copyTags" meant?'],
  ['an unknown field', copy({ 'a/b~c': 1 }), '/a~1b~0c', 'is not known here'],
  ['"true" for true', copy({ encrypted: 'true' }), '/encrypted', 'must be a boolean, without quotes'],
  ['1 for true', copy({ copyTags: 1 }), '/copyTags', 'must be a boolean'],
  ['"60" for 60', copy({ completionDurationMinutes: '60' }), '/completionDurationMinutes', 'without quotes'],
  [
    '15.5 minutes',
    copy({ completionDurationMinutes: 15.5 }),
    '/completionDurationMinutes',
    'must be an integer',
  ],
  ...[0, 14, 20, 2881, 2895].map((time): Row => [
    `${time} minutes`,
    copy({ completionDurationMinutes: time }),
    '/completionDurationMinutes',
    MINUTES,
  ]),
  ['an unknown onFailure', copy({ onFailure: 'rollback' }), '/onFailure', 'one of keep, deregister'],
  ["a tag of EC2's own", copy({ tags: { 'AWS:x': '' } }), '/tags/AWS:x', TAG],
  ["a tag of the service's", copy({ tags: { 'amiferry:job': 'x' } }), '/tags/amiferry:job', TAG],
  ['a tag without a key', copy({ tags: { '': 'x' } }), '/tags/', TAG],
  ['a tag key of 128', copy({ tags: { ['k'.repeat(128)]: 'x' } }), `/tags/${'k'.repeat(128)}`, TAG],
  ['a tag value of 257', copy({ tags: { k: 'x'.repeat(257) } }), '/tags/k', 'at most 256'],
  ['a tag value with a line break', copy({ tags: { k: 'a\r\nb' } }), '/tags/k', 'line break'],
  ['a tag value that is a number', copy({ tags: { k: 1 } }), '/tags/k', 'must be a string'],
  ['48 tags', copy({ tags: many(48, 'k') }), '/tags', 'at most 47'],
  ...['', 'my key', 'alias/', 'arn:aws:kms:eu-west-1:12345678901:key/x', 'http://evil.com/', 'alias/a\n'].map(
    (kmsKeyId): Row => [`the key ${JSON.stringify(kmsKeyId)}`, copy({ kmsKeyId }), '/kmsKeyId', KEY],
  ),
  ['a key and encrypted false', copy({ kmsKeyId: 'alias/a', encrypted: false }), '/encrypted', 'contradict'],
  ['5,000 unknown fields', many(5000, 'k'), '/destinations', 'is required'],
];

test.each(invalid)('%s is 400', async (_input, body, pointer, words) => {
  const answer = await api.post(COPIES, body);
  const { code, errors = [] } = answer.json<Problem>();
  expect([answer.statusCode, code]).toEqual([400, 'validation-failed']);
  expect(errors[0]).toEqual({ pointer, message: expect.stringContaining(words) });
  expect(errors.length).toBeLessThanOrEqual(20);
});

test('every fault is told at once', async () => {
  const answer = await api.post(COPIES, {
    name: 'x',
    copyTags: 'no',
    destinations: [{ region: 'EU' }],
    dry: true,
  });
  const { errors, detail } = answer.json<Problem>();
  expect(errors?.map(({ pointer }) => pointer).sort()).toEqual([
    '/copyTags',
    `${FIRST}/region`,
    '/dry',
    '/name',
  ]);
  expect(detail).toContain('and 3 more');
});

test.each([
  ['an unknown region', COPIES, { destinations: to('eu-nowhere-1') }, 400, 'unknown-region'],
  ['the source region', COPIES, { destinations: to('us-east-1') }, 422, 'same-region'],
  [
    'an encrypted source and encrypted false',
    '/amis/ami-0a1b2c3d4e5f60002/copies',
    copy({ encrypted: false }),
    422,
    'encryption-cannot-be-removed',
  ],
] as const)('%s', async (_input, url, body, status, code) => {
  const answer = await api.post(url, body);
  expect([answer.statusCode, answer.json<Problem>().code]).toEqual([status, code]);
});

const JSON_TYPE = 'application/json';
const GOOD = JSON.stringify(copy({}));
const unreadable: [
  input: string,
  text: string,
  type: string,
  status: number,
  code: string,
  words?: string,
][] = [
  ['cut-off JSON', '{"destinations": [', JSON_TYPE, 400, 'invalid-json', 'JSON'],
  ['no JSON', 'hello', JSON_TYPE, 400, 'invalid-json', 'hello'],
  ['__proto__', `{"__proto__": {}, ${GOOD.slice(1)}`, JSON_TYPE, 400, 'invalid-json', '__proto__'],
  ['__proto__ in disguise', '{"\\u005f_proto__": {}}', JSON_TYPE, 400, 'invalid-json', '__proto__'],
  ['constructor', '{"constructor": {"prototype": {}}}', JSON_TYPE, 400, 'invalid-json', 'constructor'],
  ['an empty body', '', JSON_TYPE, 400, 'validation-failed', 'is missing or null'],
  ['20,000 brackets', '['.repeat(20_000), JSON_TYPE, 400, 'invalid-json'],
  ['20,000 closed brackets', '['.repeat(20_000) + ']'.repeat(20_000), JSON_TYPE, 400, 'validation-failed'],
  ['65 KiB', `{"name": "${'x'.repeat(65 * 1024)}"}`, JSON_TYPE, 413, 'body-too-large', '65536'],
  ['plain text', GOOD, 'text/plain', 415, 'unsupported-media-type', JSON_TYPE],
  ['a form', 'destinations=eu-west-1', 'application/x-www-form-urlencoded', 415, 'unsupported-media-type'],
];
test.each(unreadable)('%s', async (_input, payload, type, status, code, words = '') => {
  const answer = await api.call({ method: 'POST', url: COPIES, payload, headers: { 'content-type': type } });
  const problem = answer.json<Problem>();
  expect([answer.statusCode, problem.code]).toEqual([status, code]);
  expect(problem.detail).toContain(words);
});

describe('what is within the rules is accepted', () => {
  test.each([
    ['a name of 3 characters', { name: 'abc' }],
    ['a name of 128 characters', { name: "a(b)[c].d/e-f'g@h_i".padEnd(128, ' x') }],
    ['a description of 255 with accents and emoji', { description: `é🚢${'d'.repeat(253)}` }],
    ['47 tags', { copyTags: false, tags: many(47, 'k') }],
    ['the longest tag', { tags: { ['k'.repeat(127)]: 'v'.repeat(256) } }],
    ['2880 minutes', { completionDurationMinutes: 2880 }],
    ['the source region with a key', { destinations: to('us-east-1'), kmsKeyId: 'alias/ami' }],
    ['another spelling of the content type', {}, 'Application/JSON; charset=utf-8'],
  ])('%s', async (_input, more: object, type = JSON_TYPE) => {
    expect((await api.post(COPIES, copy(more), { 'content-type': type })).statusCode).toBe(202);
  });
});

test('what is refused makes no job and changes nothing in EC2', async () => {
  const jobs = async () => (await api.get('/jobs?limit=100')).json<JobPage>().jobs.length;
  const before = await jobs();
  for (const [, body] of invalid) await api.post(COPIES, body);
  expect(await jobs()).toBe(before);
  expect((await api.service.control.calls()).mutations).toBe(0);
});

// Whether there is such a key is KMS' business, and the request's next check.
test.each([
  ['a key id', { kmsKeyId: '1234abcd-12ab-34cd-56ef-1234567890ab' }],
  ['a multi-region key', { kmsKeyId: `mrk-${'0'.repeat(32)}` }],
  ['a key ARN', { kmsKeyId: 'arn:aws:kms:eu-west-1:012345678901:key/1234abcd-12ab-34cd-56ef-1234567890ab' }],
  ['an alias ARN', { kmsKeyId: 'arn:aws-us-gov:kms:us-gov-west-1:012345678901:alias/a/b_c' }],
])('%s is a key that is looked for', async (_input, more: object) => {
  const answer = await api.post(COPIES, copy(more));
  expect(answer.json()).toMatchObject({ status: 422, code: 'key-not-found' });
});
