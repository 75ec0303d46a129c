import { OWN } from '../helpers/account.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ImageNames } from '../../src/aws/ec2/image-names.ts';
import type { CopyJob, Job } from '../../src/http/schemas/job.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

const EU = 'eu-west-1';
const WEST = 'us-west-2';
const DONE = { prefer: 'wait=15' };

let api: Api;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.stop());

const ask = async (body: object = {}, headers = {}) =>
  (await api.post(COPIES, { destinations: [{ region: EU }], ...body }, headers)).json<CopyJob>();
const warned = ({ warnings }: Job) => warnings.map(({ code, region }) => [code, region]);

test('a rerun warns of the image that the first run made', async () => {
  const first = await ask({}, DONE);
  expect(first.warnings).toEqual([]);
  const second = await ask({ destinations: [{ region: EU }, { region: WEST }] }, DONE);
  expect(second.state).toBe('succeeded');
  expect(warned(second)).toEqual([['name-taken', EU]]);
  const { message } = second.warnings[0] ?? {};
  expect(message).toMatch(new RegExp(`^${first.destinations[0]?.imageId} in eu-west-1 has the name`));
  expect(message).toContain(`made by job ${first.id}`);
  const third = await ask({}, DONE);
  expect(third.warnings[0]?.message).toMatch(new RegExp(`^${first.destinations[0]?.imageId} and 1 more in`));
});

test('neither the source itself, nor a failed copy, nor an image of another name counts', async () => {
  const here = [{ region: 'us-east-1', kmsKeyId: 'alias/ami' }];
  expect((await ask({ destinations: here })).warnings).toEqual([]);
  await api.service.control.addImage({ region: EU, name: 'golden-web', state: 'failed' });
  await api.service.control.addImage({ region: EU, name: 'golden-web-2' });
  expect((await ask()).warnings).toEqual([]);
});

test.each([
  ['refuses the look-up', { error: 'UnauthorizedOperation' }],
  ['throttles it', { error: 'RequestLimitExceeded' }],
  ['never answers it', { hang: true }],
])('a region that %s is told, and the copy accepted', async (_what, fault) => {
  await api.service.control.fault({ action: 'DescribeImages', region: EU, times: 1000, ...fault });
  const job = await ask({ destinations: [{ region: EU }, { region: WEST }] });
  expect(warned(job)).toEqual([['name-not-checked', EU]]);
});

test('many requests at once cost a region only so many calls', async () => {
  let now = 0;
  const scope = { account: OWN, region: EU };
  const names = new ImageNames(api.service.gateway, () => now);
  const calls = async () => (await api.service.control.calls()).calls['DescribeImages']?.[EU] ?? 0;

  await Promise.all(Array.from({ length: 100 }, () => names.find(scope, 'golden-web')));
  expect(await calls()).toBe(1);

  const others = Array.from({ length: 99 }, (_, i) => names.find(scope, `golden-${i}`));
  const outcomes = (await Promise.allSettled(others)).map(({ status }) => status);
  expect(outcomes.filter((one) => one === 'fulfilled')).toHaveLength(49);
  expect(await calls()).toBe(50);

  // An answer of the last seconds is given again.
  expect(await names.find(scope, 'golden-web')).toEqual([]);
  await expect(names.find(scope, 'another')).rejects.toMatchObject({ kind: 'throttled' });
  now += 200;
  expect(await names.find(scope, 'another')).toEqual([]);
  expect(await calls()).toBe(51);
});
