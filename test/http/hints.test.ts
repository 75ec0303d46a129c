import { afterAll, beforeAll, expect, test } from 'vitest';
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
