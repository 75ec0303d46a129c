import { afterAll, beforeAll, expect, test } from 'vitest';
import { AWS_REGIONS } from '../../src/domain/regions.ts';
import type { Job } from '../../src/http/schemas/job.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import { seededKeyId } from '../../simulator/index.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

const CHINA = 'cn-north-1';
const IMAGE = 'ami-0a1b2c3d4e5fc0001';
const COPY = `/amis/${IMAGE}/copies?region=${CHINA}`;
const PERMISSIONS = `/amis/${IMAGE}/permissions?region=${CHINA}`;
const ORGANIZATION = 'organizations::111111111111:organization/o-abcdefghij';
const KEY = seededKeyId('111111111111', CHINA, 'alias/ami');

let api: Api;
beforeAll(async () => {
  api = await startApi({}, { regions: [...AWS_REGIONS, CHINA, 'cn-northwest-1', 'eusc-de-east-1'] });
  const key = { encrypted: true, kmsKeyId: 'alias/ami' };
  await api.service.control.addImage({ imageId: IMAGE, region: CHINA, name: 'golden-cn', ...key });
});
afterAll(() => api.stop());

const json = { 'content-type': 'application/json', prefer: 'wait=15' };
const put = async (payload: object) => {
  const answer = await api.call({ method: 'PUT', url: PERMISSIONS, headers: json, payload });
  return { status: answer.statusCode, body: answer.json<Job & Problem>() };
};

test.each([CHINA, 'eusc-de-east-1'])('no copy crosses partitions: us-east-1 to %s', async (region) => {
  const destinations = [{ region: 'eu-west-1' }, { region }];
  const refused = await api.post(COPIES, { destinations });
  expect([refused.statusCode, refused.json<Problem>().code]).toEqual([422, 'other-partition']);
  expect(refused.json<Problem>().errors?.map(({ pointer }) => pointer)).toEqual(['/destinations/1/region']);
});

test('organizations are those of the partition of the image', async () => {
  const { status, body } = await put({ organizations: [`arn:aws:${ORGANIZATION}`] });
  expect([status, body.code]).toEqual([422, 'other-partition']);
  expect(body.detail).toContain('"arn:aws-cn:"');
  const permissions = { organizations: [`arn:aws:${ORGANIZATION}`] };
  const copy = await api.post(COPY, { destinations: [{ region: 'cn-northwest-1' }], permissions });
  expect(copy.json<Problem>()).toMatchObject({ code: 'other-partition' });
});

test('grants and statements of the key policy name principals of that partition', async () => {
  const asked = { accounts: ['222222222222'], organizations: [`arn:aws-cn:${ORGANIZATION}`] };
  const policy = await put(asked);
  expect(policy.body).toMatchObject({ state: 'succeeded' });
  const warning = policy.body.warnings.find(({ code }) => code === 'key-policy-needed');
  expect(JSON.stringify(warning?.statements)).toContain('"arn:aws-cn:iam::222222222222:root"');
  expect(JSON.stringify(warning?.statements)).not.toContain('arn:aws:');
  // The simulated KMS takes no principal of another partition.
  expect((await put({ ...asked, grantKeyAccess: true })).body).toMatchObject({ state: 'succeeded' });
});

test('keys are named by the ARNs of the partition of their region', async () => {
  const copy = (kmsKeyId: string) =>
    api.post(COPY, { destinations: [{ region: CHINA, kmsKeyId, name: 'again' }] }, { prefer: 'wait=15' });
  const refused = await copy(`arn:aws:kms:${CHINA}:111111111111:key/${KEY}`);
  expect(refused.json<Problem>()).toMatchObject({ status: 422, code: 'key-not-found' });
  expect(refused.json<Problem>().detail).toContain('"arn:aws-cn:"');
  expect((await copy(`arn:aws-cn:kms:${CHINA}:111111111111:key/${KEY}`)).json<Job>()).toMatchObject({
    state: 'succeeded',
  });
});
