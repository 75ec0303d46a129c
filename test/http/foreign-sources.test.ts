import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Job } from '../../src/http/schemas/job.ts';
import type { Permissions } from '../../src/http/schemas/permissions.ts';
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

test('whose image it is follows from its owner: nothing more is asked', async () => {
  const asked = async () => (await api.service.control.calls()).calls['DescribeImages']?.[US] ?? 0;
  await api.post(COPIES, { destinations: [{ region: 'eu-west-1' }] });
  const before = await asked();
  await copy(SHARED, { copyTags: false });
  expect(await asked()).toBe(before);
});

describe("an image that is made of another account's snapshot", () => {
  const HIDDEN = 'snap-0a1b2c3d4e5ff0011';
  const SEEN = 'snap-0a1b2c3d4e5ff0012';
  const OF_HIDDEN = 'ami-0a1b2c3d4e5ff0011';
  const OF_SEEN = 'ami-0a1b2c3d4e5ff0012';
  beforeAll(async () => {
    const own = { snapshotId: 'snap-0a1b2c3d4e5ff0013', sizeGiB: 1 };
    const made = (imageId: string, snapshot: object) =>
      api.service.control.addImage({
        region: US,
        imageId,
        name: imageId,
        public: true,
        snapshots: [own, { sizeGiB: 1, owner: OTHER, ...snapshot }],
      });
    await made(OF_HIDDEN, { snapshotId: HIDDEN });
    await made(OF_SEEN, { snapshotId: SEEN, sharedWith: ['111111111111'] });
  });
  beforeEach(async () => {
    before = (await api.service.control.calls()).mutations;
  });
  let before: number;
  const change = (imageId: string, method: string, payload?: object) =>
    api.call({
      method,
      url: `/amis/${imageId}/permissions?region=${US}`,
      headers: { prefer: 'wait=15' },
      ...(payload === undefined ? {} : { payload }),
    });
  const GIVE = { accounts: ['222222222222'] };

  test('that is not shared with this one is named before it is copied', async () => {
    const refused = await copy(OF_HIDDEN);
    expect([refused.statusCode, refused.json<Problem>().code]).toEqual([422, 'foreign-snapshot']);
    expect(refused.json<Problem>().detail).toContain(`is made of ${HIDDEN}, which another account owns`);
    expect((await api.service.control.calls()).mutations).toBe(before);
  });

  test('that is shared with this one is copied', async () => {
    expect((await copy(OF_SEEN)).json<Job>()).toMatchObject({ state: 'succeeded' });
  });

  test.each([
    [OF_SEEN, 'PUT', GIVE, new RegExp(`${SEEN} \\(of account ${OTHER}\\)`)],
    [OF_SEEN, 'PATCH', { add: GIVE }, /Copy it, and share the copy/],
    [OF_HIDDEN, 'PUT', GIVE, new RegExp(`${HIDDEN}, which another account owns`)],
  ])('%s: %s is refused, and says whose snapshot it is', async (imageId, method, payload, words) => {
    const refused = await change(imageId, method, payload);
    expect([refused.statusCode, refused.json<Problem>().code]).toEqual([422, 'foreign-snapshot']);
    expect(refused.json<Problem>().detail).toMatch(words);
    expect((await api.service.control.calls()).mutations).toBe(before);
  });

  test('can be looked at, and made private', async () => {
    const url = `/amis/${OF_SEEN}/permissions?region=${US}`;
    expect((await api.get(url)).json<Permissions>()).toMatchObject({
      visibility: 'public',
      shareable: { accounts: false, reasons: [{ code: 'foreign-snapshot' }, {}] },
    });
    expect((await change(OF_SEEN, 'DELETE')).json<Job>()).toMatchObject({
      state: 'succeeded',
      after: { public: false },
    });
  });

  test('one empty answer about its snapshots refuses no copy', async () => {
    const fault = { action: 'DescribeSnapshots', region: US, empty: true };
    const imageId = 'ami-0a1b2c3d4e5ff0014';
    await api.service.control.addImage({ region: US, imageId, name: 'fine' });
    await api.service.control.fault(fault);
    expect((await copy(imageId)).json<Job>()).toMatchObject({ state: 'succeeded' });
  });
});

test("another account's image whose snapshots are not shared is refused before anything changes", async () => {
  const imageId = 'ami-0a1b2c3d4e5ff0015';
  await api.service.control.addImage({ region: US, imageId, owner: OTHER, public: true, name: 'half' });
  const refused = await copy(imageId);
  expect(refused.json<Problem>()).toMatchObject({ status: 422, code: 'foreign-snapshot' });
});
