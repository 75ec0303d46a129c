import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Job } from '../../src/http/schemas/job.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

const OTHER = '333333333333';
const SHARED = 'ami-0a1b2c3d4e5ff0001';
const SOLD = 'ami-0a1b2c3d4e5ff0002';
const OWN_SOLD = 'ami-0a1b2c3d4e5ff0003';
const US = 'us-east-1';

let api: Api;
beforeAll(async () => {
  api = await startApi();
  const foreign = { region: US, owner: OTHER, sharedWith: ['111111111111'] };
  const productCodes = ['0123456789abcdefghijklmno'];
  await api.service.control.addImage({ ...foreign, imageId: SHARED, name: 'theirs', tags: { team: 'x' } });
  await api.service.control.addImage({ ...foreign, imageId: SOLD, name: 'sold', productCodes });
  await api.service.control.addImage({ region: US, imageId: OWN_SOLD, name: 'own', productCodes });
});
afterAll(() => api.stop());

const copy = (imageId: string, body: object = {}) =>
  api.post(
    `/amis/${imageId}/copies?region=${US}`,
    { destinations: [{ region: 'eu-west-1' }], ...body },
    { prefer: 'wait=15' },
  );
const codes = ({ warnings }: Job) => warnings.map(({ code }) => code);

test("another account's image with product codes is refused for that, before anything changes", async () => {
  const refused = await copy(SOLD);
  expect([refused.statusCode, refused.json<Problem>().code]).toEqual([422, 'foreign-product-codes']);
  expect(refused.json<Problem>().detail).toContain(`belongs to account ${OTHER} and has product codes`);
  expect((await api.service.control.calls()).mutations).toBe(0);
});

test('the own account may copy images with product codes', async () => {
  expect((await copy(OWN_SOLD)).json<Job>()).toMatchObject({ state: 'succeeded', warnings: [] });
});

test("EC2's refusal for billing codes that it does not show is told as that, and not as one about keys", async () => {
  const message = 'Images with EC2 BillingProduct codes cannot be copied to another AWS account';
  await api.service.control.fault({ action: 'CopyImage', error: 'InvalidRequest', message });
  const [failed] = (await copy(SHARED)).json<Job>().destinations ?? [];
  expect(failed?.error?.message).toContain('create an image of the instance');
  expect(failed?.error?.message).not.toContain('its key');
});

test("a job warns that another account's tags are not copied, unless they were not asked for", async () => {
  const job = (await copy(SHARED)).json<Job>();
  expect(codes(job)).toEqual(['tags-not-copied']);
  expect(job.warnings[0]?.message).toContain(OTHER);
  const tags = { team: 'y' };
  expect(codes((await copy(SHARED, { copyTags: false, tags, name: 'ours' })).json<Job>())).toEqual([]);
});

test('who owns an image is asked until the own account is known by it', async () => {
  const asked = async () => (await api.service.control.calls()).calls['DescribeImages']?.[US] ?? 0;
  await api.post(COPIES, { destinations: [{ region: 'eu-west-1' }] });
  const before = await asked();
  await copy(SHARED, { copyTags: false });
  expect(await asked()).toBe(before);
});
