import { afterAll, beforeEach, beforeAll, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import type { Job } from '../../src/http/schemas/job.ts';
import type { Permissions } from '../../src/http/schemas/permissions.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

const WEB = '/amis/ami-0a1b2c3d4e5f60001/permissions?region=us-east-1';
const US = 'us-east-1';
const json = { 'content-type': 'application/json', prefer: 'wait=15' };

let api: Api;
beforeAll(async () => {
  api = await startApi({ simulator: { blockPublicAccess: 'unblocked' }, quotas: QUOTAS });
});
afterAll(() => api.stop());
beforeEach(() => api.service.control.reset());

const QUOTAS = readConfig({ MAX_PUBLIC_IMAGES: '2', MAX_SHAREES: '3' }).quotas;
const publish = () => api.call({ method: 'PUT', url: WEB, headers: json, payload: { public: true } });
const makePublic = async (region: string, count: number) => {
  for (let i = 0; i < count; i += 1) await api.service.control.addImage({ region, public: true });
};

test('an image over the quota of public images is refused before anything changes, and the view says so', async () => {
  await makePublic(US, 2);
  await api.service.control.addImage({ region: US, public: true, owner: '333333333333' });
  const refused = await publish();
  expect([refused.statusCode, refused.json<Problem>().code]).toEqual([422, 'too-many-public-images']);
  expect(refused.json<Problem>().detail).toMatch(/^2 images of this account are public in us-east-1/);
  expect((await api.service.control.calls()).mutations).toBe(0);
  const { shareable } = (await api.get(WEB)).json<Permissions>();
  expect(shareable).toMatchObject({
    accounts: true,
    public: false,
    reasons: [{ code: 'too-many-public-images' }],
  });
});

test('the image itself does not count, and neither do those of other regions', async () => {
  await makePublic(US, 1);
  await makePublic('eu-west-1', 2);
  expect((await publish()).json<Job>()).toMatchObject({ state: 'succeeded' });
  expect((await publish()).json<Job>()).toMatchObject({ state: 'succeeded' });
});

test('a copy that would be one public image too many is refused, with its region', async () => {
  await makePublic('eu-west-1', 2);
  const destinations = [{ region: 'eu-west-1' }, { region: 'us-west-2' }];
  const refused = await api.post(COPIES, { destinations, permissions: { public: true } });
  expect(refused.json<Problem>()).toMatchObject({ status: 422, code: 'too-many-public-images' });
  expect(refused.json<Problem>().detail).toContain('are public in eu-west-1');
});

test('where the images may not be read the change is accepted, and a refusal of EC2 says what to do', async () => {
  await makePublic(US, 2);
  await api.service.control.settings({ publicImages: 2 });
  const denied = { action: 'DescribeImages', error: 'UnauthorizedOperation' };
  // The first one is that of the image itself.
  await api.service.control.fault({ ...denied, skip: 1, times: 1 });
  const accepted = await api.call({
    method: 'PUT',
    url: WEB,
    headers: { 'content-type': 'application/json' },
    payload: { public: true },
  });
  expect(accepted.statusCode).toBe(202);
  await api.service.control.fault({ ...denied, skip: 1, times: 1 });
  const { id } = accepted.json<Job>();
  await api.service.until(async () => (await api.service.store.get(id))?.finishedAt !== null);
  const job = (await api.get(`/jobs/${id}`)).json<Job>();
  expect(job).toMatchObject({ state: 'failed', error: { awsCode: 'ResourceLimitExceeded' } });
  expect(job.error?.message).toContain('Make another public image of the account there private');
});

test('the quota of sharees is a setting', async () => {
  const accounts = Array.from({ length: 4 }, (_, i) => String(500_000_000_000 + i));
  const refused = await api.call({ method: 'PUT', url: WEB, headers: json, payload: { accounts } });
  expect(refused.json<Problem>()).toMatchObject({ status: 422, code: 'too-many-sharees' });
  expect(refused.json<Problem>().detail).toMatch(/EC2's quota is 3 .* MAX_SHAREES/);
  expect(readConfig({}).quotas).toEqual({ sharees: 1000, publicImages: 5 });
});
