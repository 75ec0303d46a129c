import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseAccounts } from '../../src/accounts/accounts-file.ts';
import { ConfiguredAccounts } from '../../src/accounts/configured-accounts.ts';
import { Organizations } from '../../src/aws/organizations/organizations.ts';
import { listUnits } from '../../src/commands/list-accounts.ts';
import { closeRedis, connectRedis, untilReady } from '../../src/queue/connections.ts';
import type { RedisClient } from '../../src/redis-client.ts';
import { UnitAccountsStore } from '../../src/store/unit-accounts.ts';
import { B, C, externalIdFile } from '../helpers/accounts.ts';
import { testRedisUrl } from '../helpers/redis.ts';
import type { Service } from '../helpers/service.ts';
import { startService, testCredentials, testLogger } from '../helpers/service.ts';
import { PATIENCE } from '../helpers/waiting.ts';

const UNIT = 'ou-abcd-11112222';
const BELOW = 'ou-abcd-33334444';
const FIVE_MINUTES = 300_000;

const config = parseAccounts(
  JSON.stringify({
    role: { name: 'amiferry-target', externalIdFile: externalIdFile() },
    accounts: { [C]: { alias: 'prod', regions: ['us-west-2'] } },
    groups: { sandbox: { organizationalUnit: UNIT, regions: ['eu-west-1'], kmsKeyId: 'alias/ami' } },
  }),
);

let service: Service;
let redis: RedisClient;
let accounts: ConfiguredAccounts;
let organizations: Organizations;
beforeEach(async () => {
  accounts = new ConfiguredAccounts({ current: () => config });
  service = await startService({ accountsSource: accounts });
  redis = connectRedis(testRedisUrl(), 'blocking', () => {});
  await untilReady(redis, PATIENCE);
  organizations = new Organizations({
    requestTimeoutMs: PATIENCE,
    maxAttempts: 2,
    endpoint: service.simulator.url,
    credentialsOf: testCredentials,
  });
});
afterEach(async () => {
  organizations.close();
  await service.stop();
  await closeRedis(redis);
});

const refresh = (which = accounts) =>
  which.refresh({
    store: new UnitAccountsStore(redis, service.prefix),
    list: (unit) => organizations.accountsIn(unit),
    logger: testLogger(),
    now: () => service.store.now(),
  });

const accept = () => service.copy({ destinations: [{ group: 'sandbox' }] });
const accountsOf = async (job: ReturnType<typeof accept>) => {
  const accepted = await job;
  if (accepted.kind !== 'copy') throw new Error('it is no copy');
  return accepted.destinations.map(({ spec }) => `${spec.account}/${spec.region} ${spec.kmsKeyId}`);
};

test('a group stands for the active accounts of its unit, and of the units below it', async () => {
  const many = Array.from({ length: 45 }, (_, i) => `4444444444${String(i).padStart(2, '0')}`);
  await service.control.organizationalUnit(UNIT, { accounts: [B], suspended: [C], units: [BELOW] });
  await service.control.organizationalUnit(BELOW, { accounts: many });
  await refresh();
  expect(await accountsOf(accept())).toEqual([B, ...many].map((account) => `${account}/eu-west-1 alias/ami`));
});

test('the request after an account was added to the unit includes it', async () => {
  await service.control.organizationalUnit(UNIT, { accounts: [B] });
  await refresh();
  expect(await accountsOf(accept())).toEqual([`${B}/eu-west-1 alias/ami`]);
  await service.control.organizationalUnit(UNIT, { accounts: [B, C] });
  await refresh();
  expect(await accountsOf(accept())).toHaveLength(1);
  await service.steps.advance(FIVE_MINUTES);
  await refresh();
  // An account that the file lists keeps the settings that the file gives it.
  expect(await accountsOf(accept())).toEqual([`${C}/us-west-2 null`, `${B}/eu-west-1 alias/ami`]);
});

test('while AWS Organizations is unavailable the last list is used, and answers show its age', async () => {
  await service.control.organizationalUnit(UNIT, { accounts: [B] });
  await refresh();
  expect((await accept()).warnings.map(({ code }) => code)).not.toContain('group-list-old');
  await service.control.fault({ action: 'ListAccountsForParent', times: 100_000, error: 'ServiceException' });
  await service.steps.advance(8 * FIVE_MINUTES);
  await refresh();
  const job = await accept();
  expect(job.warnings).toContainEqual(
    expect.objectContaining({
      code: 'group-list-old',
      message: expect.stringMatching(
        /could not list the accounts of ou-abcd-11112222 for 40 minutes: .*ServiceException/,
      ),
    }),
  );
  expect(await accountsOf(Promise.resolve(job))).toEqual([`${B}/eu-west-1 alias/ami`]);
  expect(listUnits(service)).toMatchObject([
    { name: 'sandbox', organizationalUnit: UNIT, ageSeconds: expect.closeTo(2400, -2) },
  ]);
  expect(listUnits(service)[0]?.error).toContain('ServiceException');
  // Another process, and one that starts now, have the list from Redis.
  const other = new ConfiguredAccounts({ current: () => config });
  await refresh(other);
  expect(other.current().get(B)?.groups).toEqual(['sandbox']);
});

test('a group whose unit was never listed is refused, and the error says why', async () => {
  await refresh();
  await expect(accept()).rejects.toMatchObject({
    code: 'unknown-account',
    message: expect.stringMatching(/not known yet.*ParentNotFoundException/),
  });
});

test('the accounts of a unit are listed once in five minutes by all processes together', async () => {
  await service.control.organizationalUnit(UNIT, { accounts: [B] });
  const other = new ConfiguredAccounts({ current: () => config });
  await refresh();
  await refresh(other);
  await refresh();
  const { calls } = await service.control.calls();
  expect(Object.values(calls['ListAccountsForParent'] ?? {})).toEqual([1]);
});
