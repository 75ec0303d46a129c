import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Job } from '../../src/http/schemas/job.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import type { Permissions } from '../../src/http/schemas/permissions.ts';
import type { Api } from './api.ts';
import { startApi } from './api.ts';

const WEB = '/amis/ami-0a1b2c3d4e5f60001/permissions';
const wait = { prefer: 'wait=15' };

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());
beforeEach(() => api.service.control.reset());

const send = (method: string, url: string, payload?: unknown) =>
  api.call({
    method,
    url,
    headers: { ...wait, ...(payload === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
  });
const view = async (url = WEB) => (await api.get(url)).json<Permissions>();

describe('the four verbs', () => {
  test('PUT, PATCH and DELETE answer with a job, and GET shows what became of it', async () => {
    expect(await view()).toMatchObject({
      visibility: 'private',
      accounts: [],
      shareable: { accounts: true },
    });
    const put = await send('PUT', WEB, { accounts: ['222222222222', '012345678901'] });
    expect(put.statusCode).toBe(200);
    expect(put.json<Job>()).toMatchObject({
      kind: 'permissions',
      state: 'succeeded',
      before: { accounts: [] },
      after: { accounts: ['012345678901', '222222222222'] },
      permissions: { accounts: ['012345678901', '222222222222'], public: false },
    });
    expect(put.json<Job>().destinations).toBeUndefined();
    await send('PATCH', WEB, { add: { accounts: ['333333333333'] }, remove: { accounts: ['222222222222'] } });
    expect(await view()).toMatchObject({ visibility: 'shared', accounts: ['012345678901', '333333333333'] });
    expect((await send('DELETE', WEB)).json<Job>()).toMatchObject({
      state: 'succeeded',
      after: { accounts: [] },
    });
    expect((await view()).visibility).toBe('private');
  });

  test('without a wait the answer is 202 with the place to look', async () => {
    const answer = await api.call({ method: 'DELETE', url: WEB });
    expect(answer.statusCode).toBe(202);
    expect(answer.headers['location']).toBe(`/jobs/${answer.json<Job>().id}`);
  });

  test('an unknown image is 404 for each of them', async () => {
    const unknown = '/amis/ami-00000000000000000/permissions';
    const answers = [await api.get(unknown), await send('PUT', unknown, {}), await send('DELETE', unknown)];
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([404, 404, 404]);
  });
});

describe('bad input', () => {
  const organization = 'arn:aws:organizations::111111111111:organization/o-abcdefghij';
  test.each([
    ['11 digits', { accounts: ['22222222222'] }],
    ['13 digits', { accounts: ['2222222222222'] }],
    ['letters', { accounts: ['22222222222a'] }],
    ['a number', { accounts: [222222222222] }],
    ['one bad account among good ones', { accounts: ['222222222222', 'x', '333333333333'] }],
    ['the same account twice', { accounts: ['222222222222', '222222222222'] }],
    ['a group other than all', { groups: ['others'] }],
    ['"true" for true', { public: 'true' }],
    ['null', { accounts: null }],
    ['a misspelt field', { acounts: ['222222222222'] }],
    ['an organization that is no ARN', { organizations: ['o-abcdefghij'] }],
    ['a unit in the place of an organization', { organizations: [`${organization}/ou-ab12-cdefghij`] }],
    ['snapshots for nobody', { includeSnapshots: true }],
  ])('%s is 400, and nothing is changed', async (_name, body) => {
    const answer = await send('PUT', WEB, body);
    expect(answer.statusCode).toBe(400);
    expect(answer.json().code).toBe('validation-failed');
    expect((await api.service.control.calls()).mutations).toBe(0);
  });

  test('a PATCH that says nothing is 400', async () => {
    expect((await send('PATCH', WEB, {})).statusCode).toBe(400);
  });

  test('one account over the quota is 422 that names it', async () => {
    const accounts = Array.from({ length: 1001 }, (_, i) => String(500_000_000_000 + i));
    const answer = await send('PUT', WEB, { accounts });
    expect(answer.statusCode).toBe(422);
    expect(answer.json()).toMatchObject({
      code: 'too-many-sharees',
      detail: expect.stringContaining('1000'),
    });
  });
});

describe('a copy with permissions', () => {
  const copies = '/amis/ami-0a1b2c3d4e5f60001/copies';
  const db = '/amis/ami-0a1b2c3d4e5f60002/copies';
  const regions = [{ region: 'eu-west-1' }, { region: 'us-west-2' }, { region: 'sa-east-1' }];
  const permissions = { accounts: ['222222222222'], includeSnapshots: true };

  test('ends shared in all three regions', async () => {
    const job = (await send('POST', copies, { destinations: regions, permissions })).json<Job>();
    expect(job.state).toBe('succeeded');
    for (const { region, imageId } of job.destinations ?? []) {
      expect(await view(`/amis/${imageId}/permissions?region=${region}`)).toMatchObject({
        accounts: ['222222222222'],
        snapshotAccounts: ['222222222222'],
      });
    }
  });

  test('is partial where one share fails: that image is kept, private, and a retry only shares', async () => {
    const error = 'UnauthorizedOperation';
    await api.service.control.fault({ action: 'ModifyImageAttribute', region: 'us-west-2', error });
    const job = (await send('POST', copies, { destinations: regions, permissions })).json<Job>();
    expect(job.state).toBe('partial');
    const failed = job.destinations?.[1];
    expect(failed).toMatchObject({ state: 'failed', imageState: 'available', error: { awsCode: error } });
    const where = `/amis/${failed?.imageId}/permissions?region=us-west-2`;
    expect(await view(where)).toMatchObject({ visibility: 'private', snapshotAccounts: [] });

    const { copyImage } = await api.service.control.calls();
    const retried = (await send('POST', `/jobs/${job.id}/retry`)).json<Job>();
    expect(retried.state).toBe('succeeded');
    expect(retried.destinations?.[1]).toMatchObject({ imageId: failed?.imageId, attempts: 1, error: null });
    expect((await view(where)).accounts).toEqual(['222222222222']);
    expect((await api.service.control.calls()).copyImage).toHaveLength(copyImage.length);
  });

  test.each([
    ['of an encrypted image without a key', db, {}, 'key-required'],
    ['encrypted without a key', copies, { encrypted: true }, 'key-required'],
    ['under the key of EBS', copies, { kmsKeyId: 'alias/aws/ebs' }, 'aws-managed-key'],
    ['under a key that is not there', copies, { kmsKeyId: 'alias/nowhere' }, 'key-not-found'],
    ['under a disabled key', copies, { kmsKeyId: 'alias/disabled' }, 'key-not-usable'],
    ['under an asymmetric key', copies, { kmsKeyId: 'alias/asymmetric' }, 'key-not-usable'],
    [
      'public and encrypted',
      copies,
      { kmsKeyId: 'alias/ami', permissions: { public: true } },
      'public-and-encrypted',
    ],
    ['public under block public access', copies, { permissions: { public: true } }, 'public-access-blocked'],
  ])('%s is refused at once', async (_name, url, body, code) => {
    const answer = await send('POST', url, { destinations: [{ region: 'eu-west-1' }], permissions, ...body });
    expect(answer.statusCode).toBe(422);
    expect(answer.json().code).toBe(code);
    expect((await api.service.control.calls()).mutations).toBe(0);
  });

  test('the ARN of a key of another region is refused before KMS is asked', async () => {
    const kmsKeyId = 'arn:aws:kms:us-east-1:111111111111:key/01234567-89ab-cdef-0123-456789abcdef';
    const answer = await send('POST', copies, { destinations: [{ region: 'eu-west-1', kmsKeyId }] });
    expect(answer.json()).toMatchObject({
      code: 'key-not-found',
      detail: expect.stringContaining('us-east-1'),
    });
  });

  test('under a customer key is encrypted and shared, and tells what the owner of the key has to do', async () => {
    const body = { destinations: [{ region: 'eu-west-1', kmsKeyId: 'alias/ami' }], permissions };
    const job = (await send('POST', db, body)).json<Job>();
    expect(job).toMatchObject({ state: 'succeeded', destinations: [{ encrypted: true }] });
    expect(job.warnings.map(({ code }) => code)).toEqual(['key-policy-needed', 'auto-scaling-grant-needed']);
  });

  test('where KMS may not be asked goes on, with a warning', async () => {
    await api.service.control.fault({ action: 'DescribeKey', error: 'AccessDeniedException', status: 400 });
    const body = { destinations: [{ region: 'eu-west-1', kmsKeyId: 'alias/ami' }] };
    const job = (await send('POST', copies, body)).json<Job>();
    expect(job).toMatchObject({
      state: 'succeeded',
      warnings: [{ code: 'key-not-checked', region: 'eu-west-1' }],
    });
  });

  test('encryption by default of the destination counts', async () => {
    await fetch(api.service.simulator.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization:
          'AWS4-HMAC-SHA256 Credential=AKIATESTTESTTEST/20261101/eu-west-1/ec2/aws4_request, SignedHeaders=host, Signature=0',
      },
      body: 'Action=EnableEbsEncryptionByDefault&Version=2016-11-15',
    });
    const answer = await send('POST', copies, { destinations: [{ region: 'eu-west-1' }], permissions });
    expect(answer.json()).toMatchObject({
      code: 'key-required',
      detail: expect.stringContaining('by default'),
    });
  });
});

test('re-encryption within the region is a copy, and anything else there is 422', async () => {
  const copies = '/amis/ami-0a1b2c3d4e5f60003/copies?region=us-east-1';
  const plain = await send('POST', copies, { destinations: [{ region: 'us-east-1' }] });
  expect(plain.json()).toMatchObject({ status: 422, code: 'same-region' });
  const keyed = {
    destinations: [{ region: 'us-east-1', kmsKeyId: 'alias/ami' }],
    permissions: { accounts: ['222222222222'] },
  };
  expect((await send('POST', copies, keyed)).json<Job>()).toMatchObject({ state: 'succeeded' });
});

test('a refusal names fifty of the values that are both added and removed, and counts them', async () => {
  const accounts = Array.from({ length: 1000 }, (_, i) => String(i).padStart(12, '0'));
  const answer = await send('PATCH', WEB, { add: { accounts }, remove: { accounts } });
  expect(answer.statusCode).toBe(400);
  const { detail, errors } = answer.json<Problem>();
  expect(detail).toContain('(and 999 more: see "errors")');
  expect(errors).toHaveLength(50);
});
