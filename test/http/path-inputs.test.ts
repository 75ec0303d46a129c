import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Problem } from '../../src/http/schemas/problem.ts';
import type { Api } from './api.ts';
import { startApi } from './api.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi({ workers: 0 });
});
afterAll(() => api.stop());

const IMAGE = '/amis/ami-0a1b2c3d4e5f60001';
const NO_IMAGE = '/amis/ami-00000000000000000';
const NO_JOB = '/jobs/019a0f2e-5d31-7c44-9f00-3b1c6a2f8e10';
const REGION_RULE = 'must be the name of an AWS region';

type Row = [request: string, status: number, code: string, words?: string];

const badImage = (id: string): Row[] =>
  [`GET /amis/${id}`, `GET /amis/${id}/copies`, `POST /amis/${id}/copies`].map((request) => [
    request,
    400,
    'validation-failed',
    '"imageId" must be "ami-" and 8 or 17',
  ]);

const badJob = (id: string): Row[] =>
  [`GET /jobs/${id}`, `POST /jobs/${id}/cancel`, `POST /jobs/${id}/retry`].map((request) => [
    request,
    400,
    'validation-failed',
    '"id" must be a UUID',
  ]);

const rows: Row[] = [
  ...badImage('ami-1'),
  ...badImage('ami-0A1B2C3D4E5F60001'),
  ...badImage('ami-0a1b2c3d4e5f600012'),
  ...badImage('i-0a1b2c3d'),
  ...badImage('..%2f'),
  ...badImage('..%2f..%2fjobs'),
  ...badImage('%00'),
  ...badImage('ami-0a1b2c3d%0a'),
  ...badImage(':imageId'),
  ...badJob('1'),
  ...badJob('..%2f'),
  ...badJob('%00'),
  ...badJob('019A0F2E-5D31-7C44-9F00-3B1C6A2F8E10'),
  ['GET /amis/%zz', 400, 'bad-request'],
  [`GET /amis/${'a'.repeat(500)}`, 400, 'bad-request'],
  [`GET ${IMAGE}?regoin=us-east-1`, 400, 'validation-failed', 'is "region" meant?'],
  [`GET ${IMAGE}?region=US-EAST-1`, 400, 'validation-failed', REGION_RULE],
  [`GET ${IMAGE}?region=evil.com/%23`, 400, 'validation-failed', REGION_RULE],
  [`GET ${IMAGE}?region=us-east-1&region=eu-west-1`, 400, 'validation-failed', 'must be given once'],
  [`GET ${IMAGE}?region=eu-nowhere-1`, 400, 'unknown-region', 'not a region'],
  [`GET ${IMAGE}/copies?region=eu-nowhere-1`, 400, 'unknown-region', 'not a region'],
  [`GET ${NO_IMAGE}`, 404, 'image-not-found', 'Is ?region= right, and ?account=?'],
  [`GET ${IMAGE}?region=eu-west-1`, 404, 'image-not-found', "doesn't exist in eu-west-1"],
  [`GET ${NO_IMAGE}/copies`, 404, 'image-not-found'],
  [`GET ${NO_JOB}`, 404, 'job-not-found'],
  [`POST ${NO_JOB}/cancel`, 404, 'job-not-found'],
  [`POST ${NO_JOB}/retry`, 404, 'job-not-found'],
  ['GET /jobs?limit=0', 400, 'validation-failed', 'between 1 and 100'],
  ['GET /jobs?limit=101', 400, 'validation-failed', 'between 1 and 100'],
  ['GET /jobs?limit=ten', 400, 'validation-failed', 'between 1 and 100'],
  ['GET /jobs?limit=1&limit=2', 400, 'validation-failed', 'must be given once'],
  ['GET /jobs?state=done', 400, 'validation-failed', 'one of queued, running'],
  ['GET /jobs?kind=move', 400, 'validation-failed', 'one of copy'],
  ['GET /jobs?imageId=x', 400, 'validation-failed', 'must be "ami-"'],
  ['GET /jobs?cursor=%00', 400, 'validation-failed', 'nextCursor'],
  ['GET /jobs?cursor=Zm9v', 400, 'invalid-cursor', 'nextCursor'],
  ['GET /jobs?stat=failed', 400, 'validation-failed', 'is "state" meant?'],
];

test.each(rows)('%s', async (request, status, code, words = '') => {
  const [method = '', url = ''] = request.split(' ');
  const answer =
    method === 'GET'
      ? await api.get(url)
      : await api.post(url, url.endsWith('/copies') ? { destinations: [] } : undefined);
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
  const answer = await api.post(`/amis/${imageId}/copies`, { destinations: [{ region: 'eu-west-1' }] });
  const problem = answer.json<Problem>();
  expect([answer.statusCode, problem.code]).toEqual([422, 'image-not-available']);
  expect(problem.detail).toContain(`is ${state}`);
});

test.each([`${NO_IMAGE}/copies`, `${IMAGE}/copies?region=eu-west-1`])(
  'a copy of what is not there: %s',
  async (url) => {
    const answer = await api.post(url, { destinations: [{ region: 'eu-west-2' }] });
    expect([answer.statusCode, answer.json<Problem>().code]).toEqual([404, 'image-not-found']);
  },
);
