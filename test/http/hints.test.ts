import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import { logLines } from '../helpers/log-lines.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

const IMAGE = '/amis/ami-0a1b2c3d4e5f60001/permissions?region=us-east-1';

const log = logLines('info');
let api: Api;
beforeAll(async () => {
  api = await startApi({ logger: log.logger });
});
afterAll(() => api.stop());

const patch = (body: object) =>
  api.call({ method: 'PATCH', url: IMAGE, headers: { 'content-type': 'application/json' }, payload: body });

test('a flat PATCH is told that it takes "add" and "remove"', async () => {
  const problem = (await patch({ accounts: ['222222222222'] })).json<Problem>();
  expect(problem.detail).toContain('PATCH takes "add" and "remove"');
});

test('a region in the place of a destination is answered with an example', async () => {
  const problem = (await api.post(COPIES, { destinations: ['eu-west-1'] })).json<Problem>();
  expect(problem.detail).toBe('"destinations/0" must be an object, such as {"region":"eu-west-1"}');
});

test('the regions are listed once', async () => {
  const problem = (await api.post(COPIES, { destinations: [{ region: 'eu-west-9' }] })).json<Problem>();
  expect(JSON.stringify(problem).split('ap-southeast-7')).toHaveLength(2);
});

test('all regions that are not known are named at once', async () => {
  const destinations = [{ region: 'eu-west-9' }, { region: 'eu-west-1' }, { region: 'eu-west-8' }];
  const problem = (await api.post(COPIES, { destinations })).json<Problem>();
  expect(problem.errors?.map(({ pointer }) => pointer)).toEqual([
    '/destinations/0/region',
    '/destinations/2/region',
  ]);
});

test.each([
  [
    'the field that is probably meant',
    { destination: [] },
    '"destination" is not known here; is "destinations" meant?',
  ],
  ['the same in a destination', { destinations: [{ regoin: 'eu-west-1' }] }, 'is "region" meant?'],
  ['where regions belong', { region: 'eu-west-1' }, 'named in "destinations", such as {"destinations"'],
  ['how a list is written', { destinations: 'eu-west-1' }, 'an array, such as [{"region":"eu-west-1"}]'],
  [
    'how an endpoint is written',
    { destinations: [{ region: 'eu-west-1' }], name: 'x', notify: 'https://ci.example.com/' },
    'an object, such as {"url":',
  ],
])('the detail says %s before anything else', async (_what, body, words) => {
  const problem = (await api.post(COPIES, body)).json<Problem>();
  expect([problem.code, problem.detail]).toEqual(['validation-failed', expect.stringContaining(words)]);
  expect(problem.detail).toContain(problem.errors?.[0]?.message);
});

test('a PUT in the form of a PATCH is told the difference', async () => {
  const payload = { add: { accounts: ['222222222222'] } };
  const problem = (await api.call({ method: 'PUT', url: IMAGE, payload })).json<Problem>();
  expect(problem.detail).toContain('PATCH takes "add" and "remove"');
});

test.each([
  ['an account', { accounts: ['222222222222'] }, '222222222222', '/remove/accounts/0'],
  [
    'an organization',
    { organizations: ['arn:aws:organizations::111111111111:organization/o-abcdefghij'] },
    'o-abcdefghij',
    '/remove/organizations/0',
  ],
  ['everybody', { public: true }, '"public"', '/remove/public'],
])('%s to be added and removed at once is refused, and named', async (_who, set, named, pointer) => {
  const answer = await patch({ add: set, remove: { ...set } });
  const problem = answer.json<Problem>();
  expect([answer.statusCode, problem.code]).toEqual([400, 'validation-failed']);
  expect(problem.detail).toContain(named);
  expect(problem.errors?.map((error) => error.pointer)).toEqual([pointer]);
});

test.each(['/jobs//retry', '/jobs//cancel', '/amis//copies'])(
  'an id that is left out is told as that: POST %s',
  async (url) => {
    const problem = (await api.post(url, url.endsWith('copies') ? {} : undefined)).json<Problem>();
    expect(problem.detail).toMatch(/^the path parameter "(?:id|imageId)" is empty$/);
  },
);

/** Ajv's own words, which are for those who know JSON Schema. */
const RAW = /must NOT|must match|should|properties|propert(?:y|ies) name|schema|valid(?:ated|ation)? against/;

test.each<[string, string, object?]>([
  ['PATCH', IMAGE, {}],
  ['PUT', IMAGE, { accounts: Array.from({ length: 2001 }, (_, i) => String(500_000_000_000 + i)) }],
  ['PUT', IMAGE, { accounts: ['222222222222', '222222222222'] }],
  ['PUT', IMAGE, { accounts: [222_222_222_222] }],
  ['PUT', IMAGE, { organizations: ['o-abcdefghij'], organizationalUnits: ['ou-x'], publik: true }],
  ['POST', COPIES, { destinations: [], tags: { '': 5 }, completionDurationMinutes: 16, onFailure: 'x' }],
  ['GET', '/jobs?limit=0&state=x&kind=x&imageId=x&cursor=%20'],
  ['GET', '/jobs?limit=many&stat=x'],
  ['GET', '/jobs?limit=1&limit=2'],
  ['GET', '/audit?limit=1000&principal=x&action=x&outcome=x&jobId=x&cursor=x'],
  ['GET', '/jobs/x'],
  ['POST', '/jobs/x/deliveries/0/redeliver'],
  ['GET', '/amis/x?region=x'],
])('%s %s is refused in plain words', async (method, url, payload) => {
  const answer = await api.call({ method, url, ...(payload === undefined ? {} : { payload }) });
  expect(answer.statusCode).toBe(400);
  const { detail, errors = [] } = answer.json<Problem>();
  for (const words of [detail, ...errors.map(({ message }) => message)]) expect(words).not.toMatch(RAW);
});

test('a header that is refused is named as one', async () => {
  const problem = (await api.get('/events', { 'last-event-id': 'x' })).json<Problem>();
  expect(problem.detail).toMatch(/^the header "last-event-id" must be the id of an event/);
});

test.each([
  ['spaces between regions', ' eu-west-1, us-east-1 ,us-west-2', ['eu-west-1', 'us-east-1', 'us-west-2']],
  ['a region twice', 'eu-west-1,eu-west-1', ['eu-west-1']],
])('REGIONS takes %s', (_what, REGIONS, regions) => {
  expect(readConfig({ REGIONS }).regions).toEqual(regions);
});

test.each(['eu-west-1,', 'eu-west-1;us-east-1', 'Ireland'])(
  'REGIONS refuses %j in plain words',
  (REGIONS) => {
    expect(() => readConfig({ REGIONS })).toThrow('must be names of AWS regions separated by commas');
  },
);

test('a path that ends in a slash is the path without it', async () => {
  expect((await api.get('/jobs/')).statusCode).toBe(200);
});

test("a failed copy is logged as a warning, with EC2's own words", async () => {
  await api.service.control.fault({ action: 'CopyImage', error: 'InvalidRequest' });
  const { id } = await api.service.copy({ destinations: [{ region: 'eu-west-1' }] });
  await api.service.untilFinished(id);
  const entries = log.lines.map((one) => JSON.parse(one));
  const line = entries.find(({ msg, job }) => msg === 'destination.failed' && job === id);
  expect(line).toMatchObject({
    level: 40,
    awsCode: 'InvalidRequest',
    awsRequestId: expect.any(String),
    error: expect.stringContaining('CopyImage in eu-west-1'),
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  });
});
