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
const REGION_RULE = 'must be the name of an AWS region';
const NAME_RULE = 'must be 3 to 128 characters: letters, digits, spaces';
const ENCRYPTED = '/amis/ami-0a1b2c3d4e5f60002/copies?region=us-east-1';

/** What comes in; the right status and code; what the first fault points at, and words its message has to have. */
type Row = [input: string, body: unknown, status: number, code: string, pointer?: string, words?: string];

const bodies: Row[] = [
  ['no body', null, 400, 'validation-failed', '', 'send a JSON object'],
  ['a list', [], 400, 'validation-failed', '', 'must be an object'],
  ['no destinations', {}, 400, 'validation-failed', '/destinations', 'is required'],
  ['no destination', { destinations: [] }, 400, 'validation-failed', '/destinations', '1 to 50'],
  [
    '51 destinations',
    { destinations: to(...Array<string>(51).fill('eu-west-1')) },
    400,
    'validation-failed',
    '/destinations',
    '1 to 50',
  ],
  [
    'the same region twice',
    { destinations: to('eu-west-1', 'eu-west-1') },
    400,
    'validation-failed',
    '/destinations/1/region',
    'named twice',
  ],
  [
    'US-EAST-1',
    { destinations: to('US-EAST-1') },
    400,
    'validation-failed',
    '/destinations/0/region',
    REGION_RULE,
  ],
  [
    'evil.com/#',
    { destinations: to('evil.com/#') },
    400,
    'validation-failed',
    '/destinations/0/region',
    REGION_RULE,
  ],
  [
    'an unknown region',
    { destinations: to('eu-nowhere-1') },
    400,
    'unknown-region',
    '/destinations/0/region',
    'not a region',
  ],
  [
    'a region as a list',
    { destinations: [{ region: ['eu-west-1'] }] },
    400,
    'validation-failed',
    '/destinations/0/region',
    'must be a string',
  ],
  ['the source region', { destinations: to('us-east-1') }, 422, 'same-region'],
  ['a name of 2 characters', copy({ name: 'ab' }), 400, 'validation-failed', '/name', NAME_RULE],
  ['a name of 129 characters', copy({ name: 'a'.repeat(129) }), 400, 'validation-failed', '/name', NAME_RULE],
  ['a name with a line break', copy({ name: 'golden\nweb' }), 400, 'validation-failed', '/name', NAME_RULE],
  [
    'a name that ends in a line break',
    copy({ name: 'golden\n' }),
    400,
    'validation-failed',
    '/name',
    NAME_RULE,
  ],
  ['a name with NUL', copy({ name: 'golden\u0000' }), 400, 'validation-failed', '/name', NAME_RULE],
  ['a name with an emoji', copy({ name: 'golden 🚢' }), 400, 'validation-failed', '/name', NAME_RULE],
  [
    "a destination's bad name",
    { destinations: [{ region: 'eu-west-1', name: 'x' }] },
    400,
    'validation-failed',
    '/destinations/0/name',
    NAME_RULE,
  ],
  [
    'a description of 256',
    copy({ description: 'd'.repeat(256) }),
    400,
    'validation-failed',
    '/description',
    'at most 255',
  ],
  [
    'a description with a bell',
    copy({ description: 'ding \u0007' }),
    400,
    'validation-failed',
    '/description',
    'control character',
  ],
  [
    'a description with a C1 control',
    copy({ description: '\u009b31m' }),
    400,
    'validation-failed',
    '/description',
    'control character',
  ],
  [
    'a description with half a surrogate pair',
    copy({ description: '\ud83d' }),
    400,
    'validation-failed',
    '/description',
    'control character',
  ],
  ['a misspelt field', copy({ copyTag: true }), 400, 'validation-failed', '/copyTag', 'is "copyTags" meant?'],
  [
    "a destination's misspelt field",
    { destinations: [{ region: 'eu-west-1', kmsKeyID: 'alias/a' }] },
    400,
    'validation-failed',
    '/destinations/0/kmsKeyID',
    'is "kmsKeyId" meant?',
  ],
  ['an unknown field', copy({ 'a/b~c': 1 }), 400, 'validation-failed', '/a~1b~0c', 'is not known here'],
  [
    '"true" for true',
    copy({ encrypted: 'true' }),
    400,
    'validation-failed',
    '/encrypted',
    'must be a boolean, without quotes',
  ],
  ['1 for true', copy({ copyTags: 1 }), 400, 'validation-failed', '/copyTags', 'must be a boolean'],
  ['null', copy({ name: null }), 400, 'validation-failed', '/name', 'must be a string and not null'],
  [
    'a null destination',
    { destinations: [null] },
    400,
    'validation-failed',
    '/destinations/0',
    'must be an object and not null',
  ],
  [
    '"60" for 60',
    copy({ completionDurationMinutes: '60' }),
    400,
    'validation-failed',
    '/completionDurationMinutes',
    'must be an integer, without quotes',
  ],
  ...[0, 14, 20, 2881, 2895, 15.5].map((minutes): Row => [
    `${minutes} minutes`,
    copy({ completionDurationMinutes: minutes }),
    400,
    'validation-failed',
    '/completionDurationMinutes',
  ]),
  [
    'an unknown onFailure',
    copy({ onFailure: 'rollback' }),
    400,
    'validation-failed',
    '/onFailure',
    'one of keep, deregister',
  ],
  [
    'an own tag aws:',
    copy({ tags: { 'AWS:x': '' } }),
    400,
    'validation-failed',
    '/tags/AWS:x',
    'may not begin with',
  ],
  [
    "a tag of the service's",
    copy({ tags: { 'amiferry:job': 'x' } }),
    400,
    'validation-failed',
    '/tags/amiferry:job',
    'may not begin with',
  ],
  ['a tag without a key', copy({ tags: { '': 'x' } }), 400, 'validation-failed', '/tags/', '1 to 127'],
  [
    'a tag key of 128',
    copy({ tags: { ['k'.repeat(128)]: 'x' } }),
    400,
    'validation-failed',
    `/tags/${'k'.repeat(128)}`,
    '1 to 127',
  ],
  [
    'a tag value of 256',
    copy({ tags: { k: 'x'.repeat(256) } }),
    400,
    'validation-failed',
    '/tags/k',
    'at most 255',
  ],
  [
    'a tag value with a line break',
    copy({ tags: { k: 'a\r\nb' } }),
    400,
    'validation-failed',
    '/tags/k',
    'line break',
  ],
  [
    'a tag value that is a number',
    copy({ tags: { k: 1 } }),
    400,
    'validation-failed',
    '/tags/k',
    'must be a string',
  ],
  [
    '41 tags',
    copy({ tags: Object.fromEntries(Array.from({ length: 41 }, (_, i) => [`k${i}`, ''])) }),
    400,
    'validation-failed',
    '/tags',
    'at most 40',
  ],
  ...['', 'my key', 'alias/', 'arn:aws:kms:eu-west-1:12345678901:key/x', 'http://evil.com/', 'alias/a\n'].map(
    (kmsKeyId): Row => [
      `the key ${JSON.stringify(kmsKeyId)}`,
      copy({ kmsKeyId }),
      400,
      'validation-failed',
      '/kmsKeyId',
      'must be a KMS key id',
    ],
  ),
  [
    'a key and encrypted false',
    copy({ kmsKeyId: 'alias/a', encrypted: false }),
    400,
    'validation-failed',
    '/encrypted',
    'contradict',
  ],
  [
    '6,000 unknown fields',
    Object.fromEntries(Array.from({ length: 6000 }, (_, i) => [`k${i}`, 1])),
    400,
    'validation-failed',
    '/destinations',
  ],
];

describe('the body of a copy request', () => {
  test.each(bodies)('%s', async (_input, body, status, code, pointer, words) => {
    const answer = await api.post(COPIES, body);
    const problem = answer.json<Problem>();
    expect([answer.statusCode, problem.code]).toEqual([status, code]);
    if (pointer !== undefined) expect(problem.errors?.[0]?.pointer).toBe(pointer);
    if (words !== undefined) expect(problem.errors?.[0]?.message).toContain(words);
    expect(problem.errors?.length ?? 0).toBeLessThanOrEqual(20);
  });

  test('an encrypted source with encrypted false', async () => {
    const answer = await api.post(ENCRYPTED, copy({ encrypted: false }));
    expect([answer.statusCode, answer.json<Problem>().code]).toEqual([422, 'encryption-cannot-be-removed']);
  });

  const raw: [input: string, text: string, type: string, status: number, code: string, words?: string][] = [
    ['cut-off JSON', '{"destinations": [', 'application/json', 400, 'invalid-json', 'JSON'],
    ['no JSON', 'hello', 'application/json', 400, 'invalid-json', 'hello'],
    [
      '__proto__',
      '{"__proto__": {}, "destinations": [{"region": "eu-west-1"}]}',
      'application/json',
      400,
      'invalid-json',
      '__proto__',
    ],
    [
      '__proto__ in disguise',
      '{"\\u005f_proto__": {}}',
      'application/json',
      400,
      'invalid-json',
      '__proto__',
    ],
    [
      'constructor.prototype',
      '{"constructor": {"prototype": {}}}',
      'application/json',
      400,
      'invalid-json',
      'constructor',
    ],
    ['an empty body', '', 'application/json', 400, 'validation-failed', 'is missing or null'],
    ['20,000 brackets', '['.repeat(20_000), 'application/json', 400, 'invalid-json'],
    [
      '20,000 closed brackets',
      '['.repeat(20_000) + ']'.repeat(20_000),
      'application/json',
      400,
      'validation-failed',
    ],
    ['65 KiB', `{"name": "${'x'.repeat(65 * 1024)}"}`, 'application/json', 413, 'body-too-large', '65536'],
    [
      'plain text',
      '{"destinations": [{"region": "eu-west-1"}]}',
      'text/plain',
      415,
      'unsupported-media-type',
      'application/json',
    ],
    ['a form', 'destinations=eu-west-1', 'application/x-www-form-urlencoded', 415, 'unsupported-media-type'],
  ];
  test.each(raw)('%s', async (_input, payload, type, status, code, words = '') => {
    const answer = await api.call({
      method: 'POST',
      url: COPIES,
      payload,
      headers: { 'content-type': type },
    });
    const problem = answer.json<Problem>();
    expect([answer.statusCode, problem.code]).toEqual([status, code]);
    expect(problem.detail).toContain(words);
  });

  const good: [string, object][] = [
    ['a name of 3 characters', { name: 'abc' }],
    ['a name of 128 characters', { name: "a(b)[c].d/e-f'g@h_i".padEnd(128, ' x') }],
    ['a description of 255 with accents and emoji', { description: `é🚢${'d'.repeat(253)}` }],
    ['40 tags', { tags: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, ''])) }],
    ['the longest tag', { tags: { ['k'.repeat(127)]: 'v'.repeat(255) } }],
    ['2880 minutes', { completionDurationMinutes: 2880 }],
    ['a key id', { kmsKeyId: '1234abcd-12ab-34cd-56ef-1234567890ab' }],
    ['a multi-region key', { kmsKeyId: `mrk-${'0'.repeat(32)}` }],
    [
      'a key ARN',
      { kmsKeyId: 'arn:aws:kms:eu-west-1:012345678901:key/1234abcd-12ab-34cd-56ef-1234567890ab' },
    ],
    ['an alias ARN', { kmsKeyId: 'arn:aws-us-gov:kms:us-gov-west-1:012345678901:alias/a/b_c' }],
    ['the source region with a key', { destinations: to('us-east-1'), kmsKeyId: 'alias/ami' }],
  ];
  test.each(good)('%s is accepted', async (_input, more) => {
    expect((await api.post(COPIES, copy(more))).statusCode).toBe(202);
  });
});

describe('paths and queries', () => {
  const rows: [method: 'GET' | 'POST', url: string, status: number, code: string, words?: string][] = [
    ...[
      'ami-1',
      'ami-0A1B2C3D4E5F60001',
      'ami-0a1b2c3d4e5f600012',
      'i-0a1b2c3d',
      '..%2f',
      '%00',
      'ami-0a1b2c3d%0a',
      '..%2f..%2fjobs',
      ':imageId',
    ].flatMap((id) => [
      ['GET' as const, `/amis/${id}`, 400, 'validation-failed', '"imageId" must be "ami-"'] as [
        'GET',
        string,
        number,
        string,
        string,
      ],
      ['GET' as const, `/amis/${id}/copies`, 400, 'validation-failed', '"imageId" must be "ami-"'] as [
        'GET',
        string,
        number,
        string,
        string,
      ],
    ]),
    ['GET', '/amis/%zz', 400, 'bad-request'],
    ['GET', `/amis/${'a'.repeat(500)}`, 400, 'bad-request'],
    ['GET', '/amis/ami-0a1b2c3d4e5f60001?regoin=us-east-1', 400, 'validation-failed', 'is "region" meant?'],
    ['GET', '/amis/ami-0a1b2c3d4e5f60001?region=US-EAST-1', 400, 'validation-failed', REGION_RULE],
    ['GET', '/amis/ami-0a1b2c3d4e5f60001?region=evil.com/%23', 400, 'validation-failed', REGION_RULE],
    ['GET', '/amis/ami-0a1b2c3d4e5f60001?region=eu-nowhere-1', 400, 'unknown-region', 'not a region'],
    ['GET', '/amis/ami-0a1b2c3d4e5f60001/copies?region=eu-nowhere-1', 400, 'unknown-region', 'not a region'],
    ['GET', '/amis/ami-0a1b2c3d4e5f60001?region=us-east-1&region=eu-west-1', 400, 'validation-failed'],
    ['GET', '/amis/ami-00000000000000000', 404, 'image-not-found', 'Is ?region= right?'],
    ['GET', '/amis/ami-0a1b2c3d4e5f60001?region=eu-west-1', 404, 'image-not-found'],
    ['GET', '/amis/ami-00000000000000000/copies', 404, 'image-not-found'],
    ...['1', '..%2f', '%00', '019A0F2E-5D31-7C44-9F00-3B1C6A2F8E10'].flatMap((id): typeof rows => [
      ['GET', `/jobs/${id}`, 400, 'validation-failed', '"id" must be a UUID'],
      ['POST', `/jobs/${id}/cancel`, 400, 'validation-failed', '"id" must be a UUID'],
      ['POST', `/jobs/${id}/retry`, 400, 'validation-failed', '"id" must be a UUID'],
    ]),
    ['GET', '/jobs/019a0f2e-5d31-7c44-9f00-3b1c6a2f8e10', 404, 'job-not-found'],
    ['POST', '/jobs/019a0f2e-5d31-7c44-9f00-3b1c6a2f8e10/cancel', 404, 'job-not-found'],
    ['POST', '/jobs/019a0f2e-5d31-7c44-9f00-3b1c6a2f8e10/retry', 404, 'job-not-found'],
    ['GET', '/jobs?limit=0', 400, 'validation-failed', 'between 1 and 100'],
    ['GET', '/jobs?limit=101', 400, 'validation-failed', 'between 1 and 100'],
    ['GET', '/jobs?limit=ten', 400, 'validation-failed', 'must be an integer'],
    ['GET', '/jobs?limit=1&limit=2', 400, 'validation-failed', 'must be an integer'],
    ['GET', '/jobs?state=done', 400, 'validation-failed', 'one of queued, running'],
    ['GET', '/jobs?kind=move', 400, 'validation-failed', 'one of copy'],
    ['GET', '/jobs?imageId=x', 400, 'validation-failed', 'must be "ami-"'],
    ['GET', '/jobs?cursor=%00', 400, 'validation-failed', 'nextCursor'],
    ['GET', '/jobs?cursor=Zm9v', 400, 'invalid-cursor', 'nextCursor'],
    ['GET', '/jobs?status=failed', 400, 'validation-failed', 'is "state" meant?'],
  ];
  test.each(rows)('%s %s', async (method, url, status, code, words = '') => {
    const answer = await api.call({ method, url });
    const problem = answer.json<Problem>();
    expect([answer.statusCode, problem.code]).toEqual([status, code]);
    expect(problem.detail).toContain(words);
  });

  test.each(['pending', 'failed', 'invalid', 'disabled'] as const)('a source that is %s', async (state) => {
    const imageId = `ami-${Buffer.from(state).toString('hex').padEnd(17, '0').slice(0, 17)}`;
    await fetch(`${api.service.simulator.url}/_simulator/images`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ imageId, region: 'us-east-1', name: state, state }),
    });
    const answer = await api.post(`/amis/${imageId}/copies`, copy({}));
    const problem = answer.json<Problem>();
    expect([answer.statusCode, problem.code]).toEqual([422, 'image-not-available']);
    expect(problem.detail).toContain(`is ${state}`);
  });
});

test('what is refused makes no job and changes nothing in EC2', async () => {
  const jobs = async () => (await api.get('/jobs?limit=100')).json<JobPage>().jobs.length;
  const before = await jobs();
  for (const [, body] of bodies) await api.post(COPIES, body);
  expect(await jobs()).toBe(before);
  expect((await api.service.control.calls()).mutations).toBe(0);
});
