import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Job } from '../../src/http/schemas/job.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

const PERMISSIONS = '/amis/ami-0a1b2c3d4e5f60001/permissions';

let api: Api;
let id: string;
beforeAll(async () => {
  api = await startApi();
  id = (await api.post(COPIES, { destinations: [{ region: 'eu-west-1' }] })).json<Job>().id;
});
afterAll(() => api.stop());

const send = (method: string, url: string, body: unknown) =>
  api.call({
    method,
    url,
    headers: { 'content-type': 'application/json' },
    payload: JSON.stringify(body),
  });

test.each([
  ['DELETE', () => PERMISSIONS, { accounts: ['222222222222'] }],
  ['POST', () => `/jobs/${id}/deliveries/1/redeliver`, { url: 'https://example.com/' }],
])('%s with a body that is not taken is 400, and does nothing', async (method, url, body) => {
  const answer = await send(method, url(), body);
  expect([answer.statusCode, answer.json<Problem>().code]).toEqual([400, 'validation-failed']);
  expect(answer.json<Problem>().detail).toContain('takes no body');
  expect((await api.get(`/jobs/${id}`)).json<Job>().state).toBe('queued');
  expect((await api.service.control.calls()).mutations).toBe(0);
});

test.each(['cancel', 'retry'])('%s with a field that is not taken is 400, and does nothing', async (verb) => {
  const answer = await send('POST', `/jobs/${id}/${verb}`, { regions: ['eu-west-1'] });
  expect([answer.statusCode, answer.json<Problem>().code]).toEqual([400, 'validation-failed']);
  expect(answer.json<Problem>().errors?.[0]?.pointer).toBe('/regions');
  expect((await api.get(`/jobs/${id}`)).json<Job>().state).toBe('queued');
});

test('an empty object asks for nothing, and is taken', async () => {
  const answer = await send('POST', `/jobs/${id}/cancel`, {});
  expect([answer.statusCode, answer.json<Job>().state]).toEqual([202, 'cancelled']);
});
