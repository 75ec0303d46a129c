import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Job } from '../../src/http/schemas/job.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import { seededKeyId } from '../../simulator/index.ts';
import { Ec2Actions } from '../helpers/ec2-actions.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

const EU = 'eu-west-1';
const SHARED = { accounts: ['222222222222'] };

let api: Api;
let ec2: Ec2Actions;
beforeEach(async () => {
  api = await startApi();
  ec2 = new Ec2Actions(api.service.simulator.url);
});
afterEach(() => api.stop());

const ask = (request: object) => api.post(COPIES, { destinations: [{ region: EU }], ...request });

test('"encrypted": false is refused where encryption by default would encrypt the copy all the same', async () => {
  await ec2.call(EU, 'EnableEbsEncryptionByDefault');
  const refused = await ask({ encrypted: false });
  expect([refused.statusCode, refused.json<Problem>().code]).toEqual([422, 'encryption-cannot-be-removed']);
  expect(refused.json<Problem>().detail).toContain(`encryption by default is on in ${EU}`);
  const others = await ask({
    encrypted: false,
    destinations: [{ region: EU, encrypted: true }, { region: 'us-west-2' }],
  });
  expect(others.statusCode).toBe(202);
});

test('a copy that encryption by default puts under a customer key can be shared', async () => {
  await ec2.call(EU, 'EnableEbsEncryptionByDefault');
  const refused = await ask({ permissions: SHARED });
  expect([refused.statusCode, refused.json<Problem>().code]).toEqual([422, 'key-required']);
  await ec2.call(EU, 'ModifyEbsDefaultKmsKeyId', { KmsKeyId: 'alias/ami' });
  const accepted = await ask({ permissions: SHARED });
  expect(accepted.statusCode).toBe(202);
  const job = await api.service.untilFinished(accepted.json<Job>().id);
  expect(job.destinations[0]).toMatchObject({
    state: 'succeeded',
    encrypted: true,
    kmsKeyId: expect.stringContaining(seededKeyId('111111111111', EU, 'alias/ami')),
  });
});

test('regions that the account has not enabled are named before anything changes', async () => {
  const destinations = [{ region: EU }, { region: 'me-south-1' }, { region: 'af-south-1' }];
  const refused = await ask({ destinations });
  expect([refused.statusCode, refused.json<Problem>().code]).toEqual([422, 'region-not-enabled']);
  expect(refused.json<Problem>().errors?.map(({ pointer }) => pointer)).toEqual([
    '/destinations/1/region',
    '/destinations/2/region',
  ]);
  expect((await api.service.control.calls()).copyImage).toEqual([]);
});

test('a source in such a region is named with them', async () => {
  const destinations = [{ region: EU }, { region: 'af-south-1' }];
  const refused = await api.post(`${COPIES.split('?')[0]}?region=me-south-1`, { destinations });
  expect(refused.json<Problem>()).toMatchObject({ status: 422, code: 'region-not-enabled' });
  expect(refused.json<Problem>().errors?.map(({ pointer }) => pointer)).toEqual([
    '/region',
    '/destinations/1/region',
  ]);
});

test.each([
  ['GET', ''],
  ['GET', '/copies'],
  ['GET', '/permissions'],
  ['PUT', '/permissions'],
  ['PATCH', '/permissions'],
  ['DELETE', '/permissions'],
])('%s /amis/…%s in a region that is not enabled is told as that', async (method, path) => {
  const url = `/amis/ami-0a1b2c3d4e5f60001${path}?region=me-south-1`;
  const put = method === 'PUT' ? { accounts: ['222222222222'] } : undefined;
  const payload = method === 'PATCH' ? { add: { accounts: ['222222222222'] } } : put;
  const refused = await api.call({ method, url, ...(payload === undefined ? {} : { payload }) });
  expect([refused.statusCode, refused.json<Problem>().code]).toEqual([422, 'region-not-enabled']);
  expect(refused.json<Problem>().detail).toContain('aws account enable-region --region-name me-south-1');
});

test('so is one that takes the credentials for unknown ones', async () => {
  const message = 'AWS was not able to validate the provided access credentials';
  await api.service.control.fault({ action: 'DescribeImages', error: 'AuthFailure', message });
  const refused = await api.get('/amis/ami-0a1b2c3d4e5f60001?region=me-south-1');
  expect(refused.json<Problem>().code).toBe('region-not-enabled');
  await api.service.control.fault({ action: 'DescribeImages', error: 'AuthFailure', message });
  const elsewhere = await api.get('/amis/ami-0a1b2c3d4e5f60001?region=eu-west-1');
  expect(elsewhere.json<Problem>().code).toBe('account-not-reachable');
});

test('where the enabled regions may not be read the request is accepted, and EC2 decides', async () => {
  await api.service.control.fault({ action: 'DescribeRegions', times: 10, error: 'UnauthorizedOperation' });
  expect((await ask({})).statusCode).toBe(202);
});

test('47 tags with keys of 127 and values of 256 characters are as many as EC2 takes', async () => {
  const tags = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i}`.padStart(127, 'k'), 'v'.repeat(256)]));
  const refused = await ask({ tags: tags(48), copyTags: false });
  expect(refused.statusCode).toBe(400);
  const accepted = await ask({ tags: tags(47), copyTags: false });
  expect(accepted.statusCode).toBe(202);
  const job = await api.service.untilFinished(accepted.json<Job>().id);
  expect(job.destinations[0]).toMatchObject({ state: 'succeeded', error: null });
});

test('the deprecation time of an image is shown', async () => {
  const DeprecateAt = '2031-01-01T00:00:00.000Z';
  const ImageId = 'ami-0a1b2c3d4e5f60001';
  await ec2.call('us-east-1', 'EnableImageDeprecation', { ImageId, DeprecateAt });
  const image = (await api.get(`/amis/${ImageId}?region=us-east-1`)).json<{
    deprecationTime: string | null;
  }>();
  expect(image.deprecationTime).toBe(DeprecateAt);
});
