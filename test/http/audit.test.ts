import { afterAll, beforeAll, expect, test } from 'vitest';
import { authenticator } from '../../src/auth/authenticate.ts';
import type { AuditPage } from '../../src/http/schemas/audit.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import { EVERYTHING, TestKeys, TestPolicy } from '../helpers/access.ts';
import { logLines } from '../helpers/log-lines.ts';
import { untilChanged } from '../helpers/service.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

const IMAGE = 'ami-0a1b2c3d4e5f60001';
const PERMISSIONS = `/amis/${IMAGE}/permissions?region=us-east-1`;
const keys = new TestKeys();
const policy = new TestPolicy({ 'key:ci': { ...EVERYTHING, accounts: ['222222222222'] } });
const ci = { 'x-api-key': keys.make('ci', ['amis:read', 'amis:copy', 'amis:share']) };
const admin = { 'x-api-key': keys.make('admin', ['amis:admin']) };

let api: Api;
let changed: string;
let copied: string;
beforeAll(async () => {
  api = await startApi({ policy }, { authenticate: authenticator({ apiKeys: keys, verifyToken: null }) });
  changed = (await put({ accounts: ['222222222222'] })).json<{ id: string }>().id;
  await untilChanged(api.service, changed);
  const copy = { destinations: [{ region: 'eu-west-1' }], permissions: { accounts: ['222222222222'] } };
  copied = (await api.post(COPIES, copy, { ...ci, prefer: 'wait=20' })).json<{ id: string }>().id;
  await put({ accounts: ['333333333333'] });
  await api.post(`/jobs/${copied}/cancel`, undefined, ci);
});
afterAll(() => api.stop());

const put = (body: object) =>
  api.call({
    method: 'PUT',
    url: PERMISSIONS,
    headers: { 'content-type': 'application/json', ...ci },
    payload: JSON.stringify(body),
  });

const list = async (query: string) => (await api.get(`/audit${query}`, admin)).json<AuditPage>();

test('a change of permissions is there twice: who asked for it, and what became of it', async () => {
  const { entries } = await list(`?jobId=${changed}`);
  expect(entries.map(({ action, outcome }) => [action, outcome])).toEqual([
    ['share-image', 'done'],
    ['change-permissions', 'allowed'],
  ]);
  const [done, asked] = entries;
  expect(asked).toMatchObject({
    principal: 'key:ci',
    credential: expect.stringMatching(/^key [0-9a-f]{12}$/),
    policyVersion: policy.current().version,
    image: { imageId: IMAGE, region: 'us-east-1' },
    what: { mode: 'set', set: { accounts: ['222222222222'] } },
  });
  expect(done).toMatchObject({
    principal: 'key:ci',
    before: { accounts: [] },
    after: { accounts: ['222222222222'] },
    awsRequestIds: [expect.stringMatching(/^[0-9a-f-]{36}$/)],
  });
  expect(Date.parse(done?.at ?? '')).toBeGreaterThanOrEqual(Date.parse(asked?.at ?? ''));
});

test('a copy and what it was shared with are there too', async () => {
  const { entries } = await list(`?jobId=${copied}`);
  expect(entries.map(({ action, outcome, image }) => [action, outcome, image?.region])).toEqual([
    ['share-image', 'done', 'eu-west-1'],
    ['request-copy', 'allowed', 'us-east-1'],
  ]);
});

test('filters combine, and a cursor goes on where a page ended', async () => {
  expect((await list('?outcome=denied')).entries).toMatchObject([
    { action: 'change-permissions', jobId: null },
  ]);
  expect((await list('?outcome=denied&principal=key:admin')).entries).toEqual([]);
  expect((await list(`?imageId=${IMAGE}&action=request-copy`)).entries).toMatchObject([{ jobId: copied }]);
  const all = (await list('?limit=100')).entries.map(({ id }) => id);
  const paged: string[] = [];
  let page = await list('?limit=2');
  for (;;) {
    paged.push(...page.entries.map(({ id }) => id));
    if (page.nextCursor === null) break;
    page = await list(`?limit=2&cursor=${page.nextCursor}`);
  }
  expect(paged).toEqual(all);
  expect(all.toSorted().toReversed()).toEqual(all);
  expect(await list('?cursor=0-0')).toEqual({ entries: [], nextCursor: null });
});

test('who lacks the scope is told so, and that is in the audit as well', async () => {
  const answer = await api.get('/audit', ci);
  expect([answer.statusCode, answer.json<Problem>().code]).toEqual([403, 'missing-scope']);
  expect((await list('?action=use-route&limit=1')).entries).toMatchObject([
    { outcome: 'denied', principal: 'key:ci', what: { method: 'GET', route: '/audit' } },
  ]);
});

test('credentials that are invalid are in the log whatever LOG_LEVEL is, and not in the stream', async () => {
  const { logger, lines } = logLines('fatal');
  const authenticate = authenticator({ apiKeys: keys, verifyToken: null });
  const quiet = await startApi({ workers: 0, policy, logger }, { authenticate, logger });
  try {
    const guess = { 'x-api-key': 'amiferry_guess' };
    expect((await quiet.get('/jobs', guess)).statusCode).toBe(401);
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
      expect.objectContaining({ audit: true, action: 'authenticate', outcome: 'denied', level: 30 }),
    ]);
    expect((await quiet.service.audit.list({ limit: 10 })).entries).toEqual([]);
  } finally {
    await quiet.stop();
  }
});
