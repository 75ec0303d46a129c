import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { authenticator } from '../../src/auth/authenticate.ts';
import type { Job } from '../../src/http/schemas/job.ts';
import { OWN } from '../helpers/account.ts';
import { B, C, testAccounts } from '../helpers/accounts.ts';
import { EVERYTHING, TestKeys, TestPolicy } from '../helpers/access.ts';
import { GOLDEN_WEB } from '../helpers/service.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

const AMI = `/amis/${GOLDEN_WEB.imageId}`;
const accounts = testAccounts({
  [B]: { alias: 'prod-eu', regions: ['eu-west-1', 'us-east-1'], kmsKeyId: 'alias/ami', groups: ['prod'] },
  [C]: {},
});

let api: Api;
beforeEach(async () => {
  api = await startApi({ accounts });
});
afterEach(() => api.stop());

async function shareWith(accountIds: string[]): Promise<void> {
  const body = { add: { accounts: accountIds, includeSnapshots: true } };
  const answer = await api.call({
    method: 'PATCH',
    url: `${AMI}/permissions?region=us-east-1`,
    headers: { 'content-type': 'application/json' },
    payload: JSON.stringify(body),
  });
  await api.service.until(async () => {
    const job = await api.service.store.get(answer.json<Job>().id);
    return job?.finishedAt !== null;
  });
}

test('GET /accounts lists the own account and the configured ones', async () => {
  const { accounts: listed } = (await api.get('/accounts')).json<{ accounts: object[] }>();
  expect(listed).toMatchObject([
    { account: OWN, own: true, alias: null, kmsKeyId: null, groups: [] },
    {
      account: B,
      own: false,
      alias: 'prod-eu',
      regions: ['eu-west-1', 'us-east-1'],
      kmsKeyId: 'alias/ami',
      groups: ['prod'],
    },
    { account: C, own: false, regions: [...api.service.regions] },
  ]);
  expect(JSON.stringify(listed)).not.toContain('external');
});

describe('?account=', () => {
  test('reads an image as that account sees it', async () => {
    const asB = `${AMI}?region=us-east-1&account=${B}`;
    expect((await api.get(asB)).json()).toMatchObject({ code: 'image-not-found' });
    await shareWith([B]);
    expect((await api.get(asB)).json()).toMatchObject({
      imageId: GOLDEN_WEB.imageId,
      account: B,
      ownerId: OWN,
    });
  });

  test('reads and changes the permissions of a copy in that account', async () => {
    await shareWith([B]);
    const accepted = await api.post(COPIES, { destinations: [{ account: B, region: 'eu-west-1' }] });
    expect(accepted.json<Job>().destinations).toMatchObject([{ account: B, region: 'eu-west-1' }]);
    const { destinations } = await api.service.untilFinished(accepted.json<Job>().id);
    const imageId = destinations[0]?.imageId ?? '';
    const url = `/amis/${imageId}/permissions?region=eu-west-1&account=${B}`;
    const put = await api.call({
      method: 'PUT',
      url,
      headers: { 'content-type': 'application/json' },
      payload: JSON.stringify({ accounts: [C] }),
    });
    expect(put.statusCode).toBe(202);
    await api.service.until(async () => {
      const job = await api.service.store.get(put.json<Job>().id);
      return job?.finishedAt !== null;
    });
    expect((await api.get(url)).json()).toMatchObject({ account: B, accounts: [C] });
    const lineage = await api.get(`${AMI}/copies?region=us-east-1&account=${B}`);
    expect(lineage.json()).toMatchObject({ copies: [{ account: B, region: 'eu-west-1', imageId }] });
  });

  test.each([
    ['4', 'validation-failed'],
    ['444444444444', 'unknown-account'],
  ])('%s is refused: %s', async (account, code) => {
    const answer = await api.get(`${AMI}?region=us-east-1&account=${account}`);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code, errors: [{ pointer: '/account' }] });
  });

  test('with a region that is not configured for the account is refused', async () => {
    const answer = await api.get(`${AMI}?region=sa-east-1&account=${B}`);
    expect(answer.json()).toMatchObject({ code: 'unknown-account', errors: [{ pointer: '/region' }] });
  });
});

describe('a group', () => {
  const grouped = testAccounts({
    [B]: { groups: ['prod', 'all'], regions: ['eu-west-1', 'us-west-2'], kmsKeyId: 'alias/ami' },
    [C]: { groups: ['prod'], regions: ['eu-west-1'] },
    '444444444444': { groups: ['bare'] },
  });
  let groups: Api;
  beforeEach(async () => {
    groups = await startApi({ accounts: grouped });
  });
  afterEach(() => groups.stop());

  async function shareWithBoth(): Promise<void> {
    const payload = JSON.stringify({ add: { accounts: [B, C], includeSnapshots: true } });
    const headers = { 'content-type': 'application/json' };
    const url = `${AMI}/permissions?region=us-east-1`;
    const { id } = (await groups.call({ method: 'PATCH', url, headers, payload })).json<Job>();
    await groups.service.until(async () => (await groups.service.store.get(id))?.finishedAt !== null);
  }
  const into = async (...destinations: object[]) => groups.post(COPIES, { destinations });
  const named = (job: Job) => job.destinations?.map(({ account, region }) => `${account}/${region}`);

  test('stands for its accounts, each in its regions and under its key', async () => {
    await shareWithBoth();
    const answer = await into({ region: 'eu-west-1' }, { group: 'prod', name: 'golden' });
    expect(answer.statusCode, answer.body).toBe(202);
    const job = answer.json<Job>();
    expect(named(job)).toEqual([`${OWN}/eu-west-1`, `${B}/eu-west-1`, `${B}/us-west-2`, `${C}/eu-west-1`]);
    expect(job.destinations?.map(({ name }) => name)).toEqual(['golden-web', 'golden', 'golden', 'golden']);
    const { destinations } = await groups.service.untilFinished(job.id);
    expect(destinations.map(({ state, encrypted }) => [state, encrypted])).toEqual([
      ['succeeded', false],
      ['succeeded', true],
      ['succeeded', true],
      ['succeeded', false],
    ]);
  });

  test('stands for the regions that the request names', async () => {
    await shareWithBoth();
    const answer = await into({ group: 'prod', regions: ['eu-west-1'] });
    expect(named(answer.json<Job>())).toEqual([`${B}/eu-west-1`, `${C}/eu-west-1`]);
  });

  test.each([
    ['a group without accounts', { group: 'none' }, 'unknown-account', '/destinations/0/group'],
    ['a group in accounts without regions', { group: 'bare' }, 'validation-failed', '/destinations/0'],
    [
      'a region that an account has not',
      { group: 'prod', regions: ['us-west-2'] },
      'unknown-account',
      '/destinations/0/regions',
    ],
    ['a group and a region', { group: 'prod', region: 'eu-west-1' }, 'validation-failed', '/destinations/0'],
    ['a group and an account', { group: 'prod', account: B }, 'validation-failed', '/destinations/0'],
    ['neither region nor group', { account: B }, 'validation-failed', '/destinations/0/region'],
    ['a name that is none', { group: 'Prod!' }, 'validation-failed', '/destinations/0/group'],
  ])('%s is refused', async (_, destination, code, pointer) => {
    const answer = await into(destination);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code, errors: [{ pointer }] });
  });

  test('and a destination that is in it are one too many', async () => {
    const answer = await into({ group: 'prod' }, { account: C, region: 'eu-west-1' });
    expect(answer.json()).toMatchObject({
      code: 'validation-failed',
      errors: [{ pointer: '/destinations/1/region', message: expect.stringContaining('named twice') }],
    });
  });

  test('of more than 100 destinations is refused', async () => {
    const regions = [...groups.service.regions].slice(0, 26);
    const answer = await into(...['all', 'prod', 'prod', 'prod'].map((group) => ({ group, regions })));
    expect(answer.json()).toMatchObject({
      code: 'validation-failed',
      errors: [{ pointer: '/destinations' }],
    });
    expect(answer.json<{ detail: string }>().detail).toContain('has at most 100');
  });
});

test('the policy lets a principal copy to the accounts that it lists, and the denial is audited', async () => {
  const keys = new TestKeys();
  const policy = new TestPolicy({ 'key:ci': { ...EVERYTHING, destinationAccounts: [B] } });
  const guarded = await startApi(
    { accounts, policy },
    { authenticate: authenticator({ apiKeys: keys, verifyToken: null }) },
  );
  try {
    const secret = keys.make('ci');
    const destinations = [{ account: C, region: 'eu-west-1' }];
    const denied = await guarded.post(COPIES, { destinations }, { 'x-api-key': secret });
    expect(denied.statusCode).toBe(403);
    expect(denied.json()).toMatchObject({ code: 'outside-policy' });
    expect(denied.json<{ detail: string }>().detail).toContain(
      `copy to or from account ${C} ("destinationAccounts")`,
    );
    const { entries } = await guarded.service.audit.list({ limit: 1 });
    expect(entries).toMatchObject([{ outcome: 'denied', principal: 'key:ci', action: 'request-copy' }]);
    expect((await guarded.service.control.calls()).calls['AssumeRole']).toBeUndefined();
  } finally {
    await guarded.stop();
  }
});
