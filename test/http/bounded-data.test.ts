import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { authenticator } from '../../src/auth/authenticate.ts';
import { scopedKey } from '../../src/domain/idempotency.ts';
import { onCopy } from '../../src/domain/apply-transition.ts';
import { stopAll } from '../../src/domain/removal-transitions.ts';
import type { AuditPage } from '../../src/http/schemas/audit.ts';
import type { Job } from '../../src/http/schemas/job.ts';
import { storeKeys } from '../../src/store/keys.ts';
import { EVERYTHING, TestKeys, TestPolicy } from '../helpers/access.ts';
import { copyJob } from '../helpers/copy-job.ts';
import { testRedisUrl } from '../helpers/redis.ts';
import { TESTER } from '../helpers/service.ts';
import type { Receiver } from '../webhooks/receiver.ts';
import { startReceiver } from '../webhooks/receiver.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

const SECRET = `whsec_${Buffer.alloc(32, 'size').toString('base64')}`;
const TAGS = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`tag-${i}`, `${i}`.padEnd(250, 'v')]));
const REGIONS =
  'us-east-2 us-west-1 us-west-2 ca-central-1 sa-east-1 eu-west-1 eu-west-2 eu-west-3 eu-central-1 eu-north-1 ap-south-1 ap-northeast-1 ap-northeast-2 ap-southeast-1'.split(
    ' ',
  );
const BODY = { tags: TAGS, destinations: REGIONS.map((region) => ({ region })) };
const SIZE = JSON.stringify(BODY).length;

let api: Api;
let redis: Redis;
let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver(() => ({ status: 204 }));
  const webhooks = { secrets: [SECRET], http: true, privateAddresses: ['127.0.0.1'], urls: [receiver.url] };
  api = await startApi({ webhooks });
  redis = new Redis(testRedisUrl());
});
afterEach(async () => {
  redis.disconnect();
  await api.stop();
  await receiver.close();
});

const keys = () => storeKeys(api.service.prefix);
const recordSize = async (id: string) =>
  (await redis.hstrlen(keys().job(id), 'record')) + (await redis.hstrlen(keys().job(id), 'packed'));
const audited = async () => {
  const entries = await redis.xrange(keys().audit, '-', '+');
  return entries.reduce((sum, [, [, json = '']]) => sum + json.length, 0);
};

test('tags that many destinations have in common are kept once, and each copy has them', async () => {
  const { id } = (await api.post(COPIES, BODY)).json<Job>();
  expect(SIZE * REGIONS.length).toBeGreaterThan(150_000);
  expect(await recordSize(id)).toBeLessThan(SIZE + 1000 * REGIONS.length);
  expect(await audited()).toBeLessThan(SIZE);
  const job = await api.service.untilFinished(id);
  const calls = await api.service.control.calls();
  expect(calls.copyImage).toHaveLength(REGIONS.length);
  for (const { spec, imageId } of job.destinations) {
    expect(spec.tags).toEqual(TAGS);
    const image = await api.get(`/amis/${imageId}?region=${spec.region}`);
    expect(image.json<{ tags: object }>().tags).toMatchObject(TAGS);
  }
});

test('sending a webhook again, cancelling and retrying keep no copy of the request', async () => {
  const { id } = (await api.post(COPIES, BODY)).json<Job>();
  await api.post(`/jobs/${id}/cancel`);
  const [record, audit] = [await recordSize(id), await audited()];
  for (let i = 0; i < 100; i += 1) await api.post(`/jobs/${id}/deliveries/1/redeliver`);
  expect((await recordSize(id)) - record).toBeLessThan(1000);
  expect((await audited()) - audit).toBeLessThan(100 * 500);
  const { entries } = (await api.get(`/audit?action=redeliver&limit=1`)).json<AuditPage>();
  expect(entries).toMatchObject([{ jobId: id, what: { delivery: 1 } }]);
});

test('a page of the audit is bounded by bytes: large entries of an earlier version come a few at a time', async () => {
  const large = (n: number) =>
    JSON.stringify({ ...ENTRY, principal: `key:${n}`, what: { text: 'x'.repeat(1_500_000) } });
  for (let n = 0; n < 7; n += 1) await redis.xadd(keys().audit, '*', 'entry', large(n));
  const sizes: number[] = [];
  const seen: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const from: string = cursor === undefined ? '' : `&cursor=${cursor}`;
    const page: AuditPage = (await api.get(`/audit?limit=100${from}`)).json<AuditPage>();
    sizes.push(page.entries.length);
    seen.push(...page.entries.map(({ principal }) => principal));
    cursor = page.nextCursor;
  }
  expect(sizes.slice(0, 3)).toEqual([2, 2, 2]);
  expect(seen).toEqual([6, 5, 4, 3, 2, 1, 0].map((n) => `key:${n}`));
});

test('a denied request leaves no long list in the audit', async () => {
  const policy = new TestPolicy({ '*': { ...EVERYTHING, accounts: [] } });
  const keys = new TestKeys();
  const authenticate = authenticator({ apiKeys: keys, verifyToken: null });
  const guarded = await startApi({ workers: 0, policy }, { authenticate });
  const accounts = Array.from({ length: 2000 }, (_, i) => String(i).padStart(12, '0'));
  try {
    const answer = await guarded.call({
      method: 'PUT',
      url: '/amis/ami-0a1b2c3d4e5f60001/permissions',
      headers: { 'x-api-key': keys.make('denied'), 'content-type': 'application/json' },
      payload: JSON.stringify({ accounts }),
    });
    expect(answer.statusCode).toBe(403);
    const { entries } = await guarded.service.audit.list({ limit: 1 });
    expect(JSON.stringify(entries).length).toBeLessThan(10_000);
    expect(JSON.stringify(entries)).toContain('and 1950 more');
  } finally {
    await guarded.stop();
  }
});

test('a long answer is not kept for its Idempotency-Key: the job is told again', async () => {
  const notify = Array.from({ length: 30 }, (_, i) => `https://example.com/${i}`);
  const job = copyJob({ requestedBy: TESTER.id, notify }, REGIONS);
  await api.service.store.create(job);
  await api.service.store.update(job.id, onCopy(stopAll('cancel')));
  const headers = { 'idempotency-key': 'one-key' };
  const send = () => api.post(`/jobs/${job.id}/deliveries/1/redeliver`, undefined, headers);
  expect((await send()).body.length).toBeGreaterThan(65_536);
  const kept = storeKeys(api.service.prefix).idempotency(scopedKey(TESTER.id, 'one-key'));
  expect(await redis.strlen(kept)).toBeLessThan(1000);
  const again = await send();
  expect([again.statusCode, again.headers['idempotent-replayed']]).toEqual([202, 'true']);
});

const ENTRY = {
  action: 'request-copy',
  outcome: 'allowed',
  credential: null,
  policyVersion: null,
  jobId: null,
  image: null,
  before: null,
  after: null,
  reasons: [],
  awsRequestIds: [],
};
