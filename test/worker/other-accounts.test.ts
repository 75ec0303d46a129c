import { afterEach, describe, expect, test } from 'vitest';
import { seededKeyId } from '../../simulator/index.ts';
import { ANONYMOUS } from '../../src/domain/access.ts';
import type { CopyRequest } from '../../src/commands/request-copy.ts';
import { OWN } from '../helpers/account.ts';
import { B, C, testAccounts } from '../helpers/accounts.ts';
import type { Service, ServiceOptions } from '../helpers/service.ts';
import { GOLDEN_WEB, startService } from '../helpers/service.ts';

const GOLDEN_DB = { ...GOLDEN_WEB, imageId: 'ami-0a1b2c3d4e5f60002' };
const EU = 'eu-west-1';
const INTO_BOTH = [
  { account: B, region: EU, kmsKeyId: 'alias/ami' },
  { account: C, region: EU, kmsKeyId: 'alias/ami' },
  { account: C, region: GOLDEN_WEB.region, kmsKeyId: 'alias/ami' },
];

let service: Service;
afterEach(() => service.stop());

async function start(options: ServiceOptions = {}): Promise<void> {
  service = await startService({ accounts: testAccounts(), ...options });
}

const copy = (request: Partial<CopyRequest> = {}, source = GOLDEN_WEB) =>
  service.copy({ destinations: INTO_BOTH, ...request }, source);

const keyArn = (account: string, region: string) =>
  `arn:aws:kms:${region}:${account}:key/${seededKeyId(account, region, 'alias/ami')}`;

describe('a copy into other accounts', () => {
  test.each([
    ['an unencrypted image', GOLDEN_WEB],
    ['an image under a customer key', GOLDEN_DB],
  ])(
    "makes images that those accounts own, under their own keys, with the source's tags: %s",
    async (_, source) => {
      await start();
      const { id } = await copy({ tags: { channel: 'golden' } }, source);
      const { destinations } = await service.untilFinished(id);
      const original = await service.gateway.describeImage(source, source.imageId);
      for (const [i, { account, region }] of INTO_BOTH.entries()) {
        const one = destinations[i];
        expect(one).toMatchObject({ state: 'succeeded', kmsKeyId: keyArn(account, region) });
        const image = await service.gateway.describeImage({ account, region }, one?.imageId ?? '');
        expect(image).toMatchObject({ ownerId: account, state: 'available' });
        expect(image?.tags).toMatchObject({ ...original?.tags, channel: 'golden', 'amiferry:job': id });
        for (const snapshot of image?.snapshots ?? []) expect(snapshot.encrypted).toBe(true);
      }
      const calls = (await service.control.calls()).copyImage.map(
        ({ account, region }) => `${account}/${region}`,
      );
      expect(calls.toSorted()).toEqual([`${B}/${EU}`, `${C}/${EU}`, `${C}/${GOLDEN_WEB.region}`].toSorted());
    },
  );

  test('uses the key that the accounts file has for the account, unless the request names one', async () => {
    await start({ accounts: testAccounts({ [B]: { kmsKeyId: 'alias/ami' } }) });
    const { id } = await copy({ destinations: [{ account: B, region: EU }] });
    const [one] = (await service.untilFinished(id)).destinations;
    expect(one).toMatchObject({ state: 'succeeded', kmsKeyId: keyArn(B, EU) });
  });

  test('is shared as asked, each without its own owner: also with the account of the source', async () => {
    await start();
    const destinations = [{ account: B, region: EU }, { region: EU }];
    const { id } = await copy({ destinations, permissions: { accounts: [OWN, B] } });
    const [abroad, home] = (await service.untilFinished(id)).destinations;
    const accountsOf = async (account: string, imageId: string | null = null) =>
      (await service.gateway.launchPermissions({ account, region: EU }, imageId ?? '')).accounts;
    expect(await accountsOf(B, abroad?.imageId)).toEqual([OWN]);
    expect(await accountsOf(OWN, home?.imageId)).toEqual([B]);
    const { warnings } = (await service.store.get(id)) ?? {};
    expect(warnings?.map(({ code, account }) => [code, account]).toSorted()).toEqual([
      ['owner-left-out', OWN],
      ['owner-left-out', B],
    ]);
  });

  test('leaves out the key of the accounts file where the request asks for no encryption', async () => {
    await start({ accounts: testAccounts({ [B]: { kmsKeyId: 'alias/ami' } }) });
    const { id } = await copy({ destinations: [{ account: B, region: EU, encrypted: false }] });
    const [one] = (await service.untilFinished(id)).destinations;
    expect(one).toMatchObject({ state: 'succeeded', encrypted: false, kmsKeyId: null });
  });

  test('of an image with product codes is refused, as EC2 would, and within the account it is not', async () => {
    await start();
    const sold = { ...GOLDEN_WEB, imageId: 'ami-0a1b2c3d4e5f7000e' };
    const productCodes = ['1a2b3c4d5e6f7g8h9i0j1k2l3'];
    await service.control.addImage({
      imageId: sold.imageId,
      region: sold.region,
      name: 'sold',
      productCodes,
    });
    await expect(copy({ destinations: [{ account: B, region: EU }] }, sold)).rejects.toMatchObject({
      code: 'foreign-product-codes',
    });
    expect(await copy({ destinations: [{ region: EU }] }, sold)).toMatchObject({ kind: 'copy' });
  });

  test('of an image that only its owner could share is refused before any call, and says what to do', async () => {
    await start();
    const theirs = { imageId: 'ami-0a1b2c3d4e5f7000f', region: GOLDEN_WEB.region };
    await service.control.addImage({ ...theirs, owner: C, name: 'theirs', sharedWith: [OWN] });
    const asked = copy({ destinations: [{ account: B, region: EU }] }, { ...theirs, account: OWN });
    await expect(asked).rejects.toMatchObject({
      code: 'source-not-shared',
      message: expect.stringContaining(`account ${B} does not see ${theirs.imageId}`),
    });
    expect((await service.control.calls()).copyImage).toEqual([]);
  });

  test.each([
    ['an account that is not configured', { account: '444444444444', region: EU }, '/destinations/0/account'],
    ['a region that is not configured for it', { account: B, region: 'us-west-2' }, '/destinations/0/region'],
  ])('is refused into %s', async (_, destination, pointer) => {
    await start({ accounts: testAccounts({ [B]: { regions: [EU] } }) });
    await expect(copy({ destinations: [destination] })).rejects.toMatchObject({
      code: 'unknown-account',
      errors: [{ pointer }],
    });
  });

  test('names an account and region once, and a region as often as there are accounts', async () => {
    await start();
    const twice = [
      { account: B, region: EU },
      { account: B, region: EU },
    ];
    await expect(copy({ destinations: twice })).rejects.toMatchObject({ code: 'validation-failed' });
  });
});

describe('a role that can not be assumed', () => {
  /** Sessions that are renewed at each call, so that a refusal is noticed. */
  const short = { settings: { credentialsMs: 60_000, pollMs: 500 }, simulator: { sessionSeconds: 60 } };

  test('for a while makes the copy wait, and says why; then the copy succeeds', async () => {
    await start(short);
    const { id } = await copy({ onFailure: 'deregister' });
    await service.control.fault({ action: 'AssumeRole', times: 100_000, error: 'AccessDenied' });
    const waiting = await service.untilJob(id, ({ destinations: [one] }) => one?.unreachableSince != null);
    expect(waiting.destinations[0]?.error).toMatchObject({ code: 'account-not-reachable' });
    expect(waiting.destinations[0]?.error?.message).toContain(`the role amiferry-target of account`);
    await service.control.clearFaults();
    const { destinations } = await service.untilFinished(id);
    expect(destinations.map(({ state, attempts }) => [state, attempts])).toEqual(
      INTO_BOTH.map(() => ['succeeded', 1]),
    );
  });

  test('for ever fails that copy after the deadline, and no other', async () => {
    await start(short);
    const { id } = await copy({ destinations: [...INTO_BOTH, { region: EU }] });
    await service.control.fault({ action: 'AssumeRole', times: 100_000, error: 'AccessDenied' });
    const { destinations } = await service.untilFinished(id);
    expect(destinations.map(({ state }) => state)).toEqual(['failed', 'failed', 'failed', 'succeeded']);
    expect(destinations[0]?.error).toMatchObject({ code: 'account-not-reachable', awsCode: 'AccessDenied' });
  });
});

test('a policy that changes while the job runs stops a copy into the account before it is called', async () => {
  const rules = { sourceRegions: ['*'], destinationRegions: ['*'], kmsKeys: ['*'] };
  let destinationAccounts = ['*'];
  const rest = {
    accounts: ['*'],
    organizations: [],
    organizationalUnits: [],
    allowPublic: false,
    allowKeyGrants: true,
  };
  const policy = {
    current: () => ({
      version: 'test',
      principals: { [ANONYMOUS.id]: { ...rules, ...rest, destinationAccounts } },
    }),
  };
  await start({ policy });
  const { id } = await copy();
  destinationAccounts = [C];
  const { destinations } = await service.untilFinished(id);
  expect(destinations.map(({ state }) => state)).toEqual(['failed', 'succeeded', 'succeeded']);
  expect(destinations[0]?.error).toMatchObject({ code: 'outside-policy' });
  const called = (await service.control.calls()).copyImage.map(({ account }) => account);
  expect(called).toEqual([C, C]);
  await expect(copy()).rejects.toMatchObject({ code: 'outside-policy' });
});
