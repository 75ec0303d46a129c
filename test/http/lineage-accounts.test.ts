import { afterEach, expect, test } from 'vitest';
import { authenticator } from '../../src/auth/authenticate.ts';
import type { Lineage } from '../../src/commands/lineage.ts';
import type { AppDeps } from '../../src/http/deps.ts';
import { closeRedis, connectRedis, untilReady } from '../../src/queue/connections.ts';
import { OWN } from '../helpers/account.ts';
import { B, C, testAccounts } from '../helpers/accounts.ts';
import { EVERYTHING, TestKeys, TestPolicy } from '../helpers/access.ts';
import { testPrefix, testRedisUrl } from '../helpers/redis.ts';
import type { ServiceOptions } from '../helpers/service.ts';
import { GOLDEN_WEB } from '../helpers/service.ts';
import { PATIENCE } from '../helpers/waiting.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

const US = GOLDEN_WEB.region;
const EU = 'eu-west-1';
const WEST = 'us-west-2';
const regions = [US, EU, WEST];
const REFUSED = '444444444444';

/** The calls of one lineage: the image, and for each account its enabled regions and one in each of its regions. */
const CALLS = 1 + (1 + 3) + (1 + 1) + (1 + 3);

const accounts = { [B]: { regions: [EU] }, [C]: {} };
/** The simulator's trust policies ask for an external id, and this role has none. */
const refused = { role: { arn: `arn:aws:iam::${REFUSED}:role/copier` }, regions: [EU, US] };

let api: Api;
afterEach(() => api.stop());

async function start(options: ServiceOptions = {}, changes: Partial<AppDeps> = {}): Promise<void> {
  api = await startApi({ accounts: testAccounts(accounts), ...options }, { regions, ...changes });
}

/** Copies into each account, made to their end: their names by account. */
async function copyIntoAll(): Promise<Record<string, { region: string; imageId: string; jobId: string }>> {
  const destinations = [{ region: EU }, { account: B, region: EU }, { account: C, region: WEST }];
  const { id } = await api.service.copy({ destinations });
  const done = (await api.service.untilFinished(id)).destinations;
  return Object.fromEntries(
    done.map(({ spec: { account, region }, imageId }) => [
      account,
      { region, imageId: imageId ?? '', jobId: id },
    ]),
  );
}

const read = async (url = COPIES) => {
  const answer = await api.get(url);
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json<Lineage>();
};

/** How many calls of these actions were made so far, in all regions. */
async function callsOf(...actions: string[]): Promise<number> {
  const { calls } = await api.service.control.calls();
  return actions
    .flatMap((action) => Object.values(calls[action] ?? {}))
    .reduce((sum, count) => sum + count, 0);
}

test('the copies in all accounts are found, each with its account', async () => {
  await start();
  const made = await copyIntoAll();
  const { copies, unanswered } = await read();
  expect(unanswered).toEqual([]);
  expect(copies.map(({ account }) => account)).toEqual([OWN, B, C]);
  for (const [account, one] of Object.entries(made))
    expect(copies).toContainEqual(
      expect.objectContaining({ account, ...one, name: 'golden-web', state: 'available' }),
    );
});

test("a copy's ancestor is found in the service's own account, which still sees it", async () => {
  await start();
  const { [B]: copy } = await copyIntoAll();
  const { account, ancestors } = await read(`/amis/${copy?.imageId}/copies?region=${EU}&account=${B}`);
  expect(account).toBe(B);
  expect(ancestors).toMatchObject([{ ...GOLDEN_WEB, name: 'golden-web', state: 'available' }]);
});

test('an account whose role is refused is listed with its regions, and the copies elsewhere are found', async () => {
  await start({ accounts: testAccounts({ ...accounts, [REFUSED]: refused }) });
  await copyIntoAll();
  const before = await callsOf('AssumeRole');
  const { copies, unanswered } = await read();
  expect(copies.map(({ account }) => account)).toEqual([OWN, B, C]);
  const reason = {
    account: REFUSED,
    code: 'account-not-reachable',
    message: expect.stringContaining(`the role copier of account ${REFUSED} can't be assumed`),
  };
  expect(unanswered).toEqual([
    { ...reason, region: EU },
    { ...reason, region: US },
  ]);
  // It is asked once, and not again for each region.
  expect((await callsOf('AssumeRole')) - before).toBe(1);
});

test('a region of an account that is refused is listed, and the other regions are not affected', async () => {
  await start();
  await copyIntoAll();
  const error = 'UnauthorizedOperation';
  await api.service.control.fault({ action: 'DescribeImages', account: C, region: EU, error });
  const { copies, unanswered } = await read();
  expect(copies.map(({ account }) => account)).toEqual([OWN, B, C]);
  expect(unanswered).toMatchObject([{ account: C, region: EU, code: 'ec2-access-denied' }]);
});

test('an account whose enabled regions may not be read is queried in all of its regions', async () => {
  await start({}, { regions: [...regions, 'af-south-1'] });
  await copyIntoAll();
  const error = 'UnauthorizedOperation';
  await api.service.control.fault({ action: 'DescribeRegions', account: C, error });
  const { copies, unanswered } = await read();
  expect(copies.map(({ account }) => account)).toEqual([OWN, B, C]);
  expect(unanswered).toEqual([]);
});

test('a lineage counts as many requests as it makes calls in all accounts', async () => {
  const counter = connectRedis(testRedisUrl(), 'blocking', () => {});
  await untilReady(counter, PATIENCE);
  const rateLimit = { redis: counter, prefix: testPrefix(), perMinute: 2 * CALLS - 1 };
  await start({ workers: 0 }, { rateLimit });
  const actions = ['DescribeImages', 'DescribeRegions'];
  try {
    const before = await callsOf(...actions);
    await read();
    expect((await callsOf(...actions)) - before).toBe(CALLS);
    expect((await api.get(COPIES)).statusCode).toBe(429);
    expect((await api.get('/jobs')).statusCode).toBe(200);
  } finally {
    await closeRedis(counter);
  }
});

test('a principal that may not copy into an account reads the copies there, as it reads the images', async () => {
  const keys = new TestKeys();
  const policy = new TestPolicy({
    '*': EVERYTHING,
    'key:reader': { ...EVERYTHING, destinationAccounts: [] },
  });
  const authenticate = authenticator({ apiKeys: keys, verifyToken: null });
  await start({ policy }, { authenticate });
  const { [B]: copy } = await copyIntoAll();
  const headers = { 'x-api-key': keys.make('reader') };
  const lineage = await api.get(COPIES, headers);
  expect(lineage.json<Lineage>().copies.map(({ account }) => account)).toEqual([OWN, B, C]);
  const image = await api.get(`/amis/${copy?.imageId}?region=${EU}&account=${B}`, headers);
  expect(image.statusCode).toBe(200);
});
