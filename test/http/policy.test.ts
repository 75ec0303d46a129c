import { OWN } from '../helpers/account.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { authenticator } from '../../src/auth/authenticate.ts';
import { retryJob } from '../../src/commands/retry-job.ts';
import { ACCESS_SCOPES } from '../../src/domain/access.ts';
import type { CopyJob, Job, PermissionsJob } from '../../src/domain/job.ts';
import { NOTHING_GIVEN } from '../../src/domain/given.ts';
import type { Rules } from '../../src/domain/policy.ts';
import { fail, onCopy } from '../helpers/transitions.ts';
import type { AuditPage } from '../../src/http/schemas/audit.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import { TestKeys, TestPolicy } from '../helpers/access.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

const PERMISSIONS = '/amis/ami-0a1b2c3d4e5f60001/permissions?region=us-east-1';
const ALLOWED = '222222222222';
const OTHER = '333333333333';
const ORGANIZATION = 'arn:aws:organizations::111111111111:organization/o-abcdefghij';
const scope = { account: OWN, region: 'us-east-1' };

/** What the tests' principal may do; each test takes something back. */
const RULES: Partial<Rules> = {
  sourceRegions: ['us-east-1'],
  destinationRegions: ['eu-west-1', 'us-west-2'],
  accounts: [ALLOWED],
  kmsKeys: ['alias/ami'],
};

const FAILURE = {
  code: 'internal-error',
  message: 'the disk is on fire',
  retryable: true,
  awsCode: null,
  awsRequestId: null,
} as const;

const keys = new TestKeys();
const policy = new TestPolicy({});
const ci = { 'x-api-key': keys.make('ci', ['amis:read', 'amis:copy', 'amis:share']) };
const publisher = { 'x-api-key': keys.make('publisher') };
const stranger = { 'x-api-key': keys.make('stranger') };
const admin = { 'x-api-key': keys.make('admin', ['amis:admin']) };

let api: Api;
beforeAll(async () => {
  const authenticate = authenticator({ apiKeys: keys, verifyToken: null });
  const options = { policy, simulator: { blockPublicAccess: 'unblocked' as const } };
  api = await startApi(options, { authenticate });
});
afterAll(() => api.stop());
beforeEach(async () => {
  // Nothing is left to a worker that an earlier test has asked for.
  await api.forget();
  await api.service.control.reset();
  policy.set({ 'key:ci': RULES, 'key:publisher': { ...RULES, allowPublic: true } });
});

type Headers = Record<string, string>;
const send = (method: string, url: string, body: object | undefined, headers: Headers) =>
  api.call({
    method,
    url,
    headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });

const mutations = async () => (await api.service.control.calls()).mutations;

async function newestEntry(filter = ''): Promise<AuditPage['entries'][number] | undefined> {
  const page = (await api.get(`/audit?limit=1${filter}`, admin)).json<AuditPage>();
  return page.entries[0];
}

/** A request is refused with a code, the audit says so, and EC2 heard of nothing that changes anything. */
async function expectRefused(
  [method, url, body, headers]: [string, string, object | undefined, Headers],
  code: string,
  reason: RegExp,
): Promise<void> {
  const before = await mutations();
  const answer = await send(method, url, body, headers);
  expect([answer.statusCode, answer.json<Problem>().code]).toEqual([403, code]);
  expect(answer.json<Problem>().detail).toMatch(reason);
  expect(await newestEntry()).toMatchObject({
    outcome: 'denied',
    principal: expect.stringMatching(/^key:/),
    credential: expect.stringMatching(/^key [0-9a-f]{12}$/),
    policyVersion: policy.current().version,
    reasons: expect.arrayContaining([expect.stringMatching(reason)]),
  });
  expect(await mutations()).toBe(before);
}

const copy = (more: object = {}) => ({ destinations: [{ region: 'eu-west-1' }], ...more });

describe('a request outside the policy', () => {
  test.each<[string, string, string, object | undefined, RegExp]>([
    ['PUT to another account', 'PUT', PERMISSIONS, { accounts: [ALLOWED, OTHER] }, /account 333333333333/],
    [
      'PATCH to another account',
      'PATCH',
      PERMISSIONS,
      { add: { accounts: [OTHER] } },
      /account 333333333333/,
    ],
    ['PUT to an organization', 'PUT', PERMISSIONS, { organizations: [ORGANIZATION] }, /organization arn:/],
    [
      'a key for an account',
      'PUT',
      PERMISSIONS,
      { accounts: [ALLOWED], grantKeyAccess: true },
      /allowKeyGrants/,
    ],
    [
      'a copy shared with another account',
      'POST',
      COPIES,
      copy({ permissions: { accounts: [OTHER] } }),
      /account 3/,
    ],
    [
      'a copy to another region',
      'POST',
      COPIES,
      { destinations: [{ region: 'eu-west-2' }] },
      /copy to eu-west-2/,
    ],
    ['a copy under another key', 'POST', COPIES, copy({ kmsKeyId: 'alias/other' }), /the key alias\/other/],
    [
      'a copy under another key, said for one destination',
      'POST',
      COPIES,
      { destinations: [{ region: 'eu-west-1', kmsKeyId: 'alias/other' }] },
      /the key alias\/other/,
    ],
    [
      'a copy out of another region',
      'POST',
      COPIES.replace('us-east-1', 'us-east-2'),
      copy(),
      /copy from us-east-2/,
    ],
  ])('%s', async (_name, method, url, body, reason) => {
    await expectRefused([method, url, body, ci], 'outside-policy', reason);
  });

  test('taking something away in a region that is not theirs', async () => {
    policy.set({ 'key:ci': { ...RULES, sourceRegions: ['eu-west-1'] } });
    await expectRefused(['DELETE', PERMISSIONS, undefined, ci], 'outside-policy', /permissions in us-east-1/);
  });

  test('whoever has no rules may do nothing', async () => {
    await expectRefused(['POST', COPIES, copy(), stranger], 'outside-policy', /no rules for key:stranger/);
    await expectRefused(['PUT', PERMISSIONS, {}, stranger], 'outside-policy', /no rules for key:stranger/);
  });

  test('public needs the policy and the scope', async () => {
    policy.set({ 'key:ci': { ...RULES, allowPublic: true }, 'key:publisher': RULES });
    const everyone = { public: true };
    await expectRefused(['PUT', PERMISSIONS, everyone, ci], 'missing-scope', /amis:publish/);
    await expectRefused(['PUT', PERMISSIONS, everyone, publisher], 'outside-policy', /allowPublic/);
    await expectRefused(
      ['POST', COPIES, copy({ permissions: everyone }), ci],
      'missing-scope',
      /amis:publish/,
    );
    policy.set({ 'key:publisher': { ...RULES, allowPublic: true } });
    expect((await send('PUT', PERMISSIONS, everyone, publisher)).statusCode).toBe(202);
  });

  test('a copy that is to be shared needs amis:share too', async () => {
    const copier = { 'x-api-key': keys.make('ci', ['amis:copy']) };
    const shared = copy({ permissions: { accounts: [ALLOWED] } });
    await expectRefused(['POST', COPIES, shared, copier], 'missing-scope', /amis:share/);
  });
});

describe('inside the policy', () => {
  test('sharing, copying, and what is there already are let through', async () => {
    await api.service.gateway.modifyLaunchPermissions(
      scope,
      'ami-0a1b2c3d4e5f60001',
      { public: false, accounts: [OTHER], organizations: [], organizationalUnits: [] },
      { public: false, accounts: [], organizations: [], organizationalUnits: [] },
    );
    for (const [method, url, body] of [
      ['PUT', PERMISSIONS, { accounts: [ALLOWED, OTHER] }],
      ['PATCH', PERMISSIONS, { add: { accounts: [ALLOWED] }, remove: { accounts: [OTHER] } }],
      ['DELETE', PERMISSIONS, undefined],
      ['POST', COPIES, copy({ permissions: { accounts: [ALLOWED] } })],
      ['POST', COPIES, copy({ kmsKeyId: 'alias/ami' })],
    ] as const)
      expect([url, (await send(method, url, body, ci)).statusCode]).toEqual([url, 202]);
  });

  test('the snapshots of an account that may launch it already are a new gift', async () => {
    await api.service.gateway.modifyLaunchPermissions(
      scope,
      'ami-0a1b2c3d4e5f60001',
      { public: false, accounts: [OTHER], organizations: [], organizationalUnits: [] },
      { public: false, accounts: [], organizations: [], organizationalUnits: [] },
    );
    const body = { accounts: [OTHER], includeSnapshots: true };
    await expectRefused(['PUT', PERMISSIONS, body, ci], 'outside-policy', /account 333333333333/);
  });
});

async function finished<Kind extends Job['kind']>(
  id: string,
  kind: Kind,
): Promise<Extract<Job, { kind: Kind }>> {
  let job = await api.service.store.get(id);
  await api.service.until(async () => {
    job = await api.service.store.get(id);
    return job?.finishedAt !== null;
  });
  if (job?.kind !== kind) throw new Error(`${id} is no ${kind}`);
  return job as Extract<Job, { kind: Kind }>;
}

describe('a policy that changes after the request', () => {
  test('a change that waits in the queue is not made', async () => {
    const { id } = (await send('PUT', PERMISSIONS, { accounts: [ALLOWED] }, ci)).json<{ id: string }>();
    policy.set({ 'key:ci': { ...RULES, accounts: [] } });
    const job: PermissionsJob = await finished(id, 'permissions');
    expect(job).toMatchObject({ state: 'failed', error: { code: 'policy-withdrawn', retryable: false } });
    expect(await mutations()).toBe(0);
    expect(await newestEntry(`&jobId=${id}`)).toMatchObject({
      action: 'share-image',
      outcome: 'refused',
      principal: 'key:ci',
      policyVersion: policy.current().version,
      reasons: [expect.stringContaining(ALLOWED)],
    });
    const retry: [string, string, undefined, Headers] = ['POST', `/jobs/${id}/retry`, undefined, ci];
    await expectRefused(retry, 'outside-policy', /account 222222222222/);
  });

  test('a copy that is under way is kept, and kept private', async () => {
    const body = copy({ permissions: { accounts: [ALLOWED], includeSnapshots: true } });
    const { id } = (await send('POST', COPIES, body, ci)).json<{ id: string }>();
    await api.service.untilJob(id, (job) => job.destinations[0]?.state === 'pending');
    policy.set({ 'key:ci': { ...RULES, accounts: [] } });
    const { destinations }: CopyJob = await finished(id, 'copy');
    const [{ imageId, error } = { imageId: null, error: null }] = destinations;
    expect(error).toMatchObject({ code: 'policy-withdrawn', message: expect.stringContaining('kept') });
    const permissions = await api.get(`/amis/${imageId}/permissions?region=eu-west-1`, ci);
    expect(permissions.json()).toMatchObject({ visibility: 'private', snapshotAccounts: [] });
    expect(Object.keys((await api.service.control.calls()).calls)).not.toContain('ModifyImageAttribute');
    expect(Object.keys((await api.service.control.calls()).calls)).not.toContain('ModifySnapshotAttribute');
  });

  test('an old copy that failed is not tried again', async () => {
    await api.service.control.fault({
      action: 'CopyImage',
      region: 'eu-west-1',
      times: 1,
      copyFails: { reason: 'the disk is on fire' },
    });
    const { id } = (await send('POST', COPIES, copy(), ci)).json<{ id: string }>();
    await finished(id, 'copy');
    policy.set({ 'key:ci': { ...RULES, destinationRegions: [] } });
    const retry: [string, string, undefined, Headers] = ['POST', `/jobs/${id}/retry`, undefined, ci];
    await expectRefused(retry, 'outside-policy', /copy to eu-west-1/);
    // Nor by an administrator: it would be done in the name of whoever asked for it.
    await expectRefused(
      ['POST', `/jobs/${id}/retry`, undefined, publisher],
      'outside-policy',
      /key:ci copy to eu-west-1/,
    );
  });

  /** A copy to two regions, of which the second has failed. */
  async function halfFailed(onFailure: 'keep' | 'deregister') {
    const destinations = [{ region: 'eu-west-1' }, { region: 'us-west-2' }];
    const { id } = (await send('POST', COPIES, { destinations, onFailure }, ci)).json<{ id: string }>();
    await api.service.store.update(id, onCopy(fail('us-west-2', FAILURE)));
    return id;
  }

  test('a copy that was rolled back is not made again into a region that was withdrawn', async () => {
    const id = await halfFailed('deregister');
    expect(await api.service.store.get(id)).toMatchObject({
      destinations: [{ state: 'cancelled', error: { code: 'rolled-back' } }, { state: 'failed' }],
    });
    policy.set({ 'key:ci': { ...RULES, destinationRegions: ['us-west-2'] } });
    const retry: [string, string, undefined, Headers] = ['POST', `/jobs/${id}/retry`, undefined, ci];
    await expectRefused(retry, 'outside-policy', /copy to eu-west-1/);
  });

  test('what fails while a retry is being decided about is decided about too', async () => {
    const id = await halfFailed('keep');
    policy.set({ 'key:ci': { ...RULES, destinationRegions: ['us-west-2'] } });
    const { store } = api.service;
    const betweenDecisionAndWrite = {
      update: async (...args: Parameters<typeof store.update>) => {
        await store.update(id, onCopy(fail('eu-west-1', FAILURE)));
        return store.update(...args);
      },
      get: store.get.bind(store),
      now: store.now.bind(store),
    };
    const deps = { ...api.service, store: Object.assign(Object.create(store), betweenDecisionAndWrite) };
    const scopes = new Set(ACCESS_SCOPES);
    const principal = { id: 'key:ci', credential: null, expiresAt: null, scopes };
    await expect(retryJob(deps, id, principal)).rejects.toMatchObject({
      code: 'outside-policy',
      message: expect.stringContaining('copy to eu-west-1'),
    });
    expect(await store.get(id)).toMatchObject({ destinations: [{ state: 'failed' }, { state: 'failed' }] });
  });

  test('what an earlier run of a killed worker has shared is put back', async () => {
    const { id } = (await send('PUT', PERMISSIONS, { accounts: [ALLOWED] }, ci)).json<{ id: string }>();
    const before = {
      public: false,
      accounts: [],
      organizations: [],
      organizationalUnits: [],
      snapshotAccounts: [],
    };
    const given = { ...NOTHING_GIVEN, accounts: [ALLOWED] };
    await api.service.store.update(id, (job) =>
      job.kind === 'permissions'
        ? { ...job, state: 'running', before, given, startedAt: job.createdAt }
        : null,
    );
    await api.service.gateway.modifyLaunchPermissions(
      scope,
      'ami-0a1b2c3d4e5f60001',
      { ...before, accounts: [ALLOWED] },
      before,
    );
    policy.set({ 'key:ci': { ...RULES, accounts: [] } });
    expect(await finished(id, 'permissions')).toMatchObject({ error: { code: 'policy-withdrawn' } });
    expect((await api.get(PERMISSIONS, ci)).json()).toMatchObject({ visibility: 'private' });
    expect(await newestEntry(`&jobId=${id}&action=put-permissions-back`)).toMatchObject({
      outcome: 'done',
      after: { accounts: [] },
      awsRequestIds: [expect.any(String)],
    });
  });
});
