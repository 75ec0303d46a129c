import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { seededKeyId } from '../../simulator/index.ts';
import { other, owner, startHarness, type Harness } from './harness.ts';

let sim: Harness;

beforeAll(async () => {
  sim = await startHarness();
});
afterAll(() => sim.close());
beforeEach(() => sim.control('POST', 'reset'));

const keyId = seededKeyId(owner, 'us-east-1', 'alias/ami');
const arn = `arn:aws:kms:us-east-1:${owner}:key/${keyId}`;
const Operations = ['DescribeKey', 'Decrypt', 'CreateGrant'];
const GranteePrincipal = `arn:aws:iam::${other}:root`;

test.each(['alias/ami', keyId, arn, `arn:aws:kms:us-east-1:${owner}:alias/ami`])(
  'DescribeKey by %s',
  async (KeyId) => {
    const { status, json } = await sim.kms('DescribeKey', { KeyId });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      KeyMetadata: { Arn: arn, KeyManager: 'CUSTOMER', Enabled: true, KeySpec: 'SYMMETRIC_DEFAULT' },
    });
  },
);

test.each([
  ['alias/aws/ebs', { KeyManager: 'AWS', KeyState: 'Enabled' }],
  ['alias/disabled', { Enabled: false, KeyState: 'Disabled' }],
  ['alias/asymmetric', { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }],
])('every region has %s', async (KeyId, KeyMetadata) => {
  expect((await sim.kms('DescribeKey', { KeyId }, 'ap-south-1')).json).toMatchObject({ KeyMetadata });
});

test.each([
  ['NotFoundException', { KeyId: 'alias/none' }, 'us-east-1', owner],
  ['NotFoundException', { KeyId: keyId }, 'eu-west-1', owner],
  ['NotFoundException', { KeyId: arn }, 'eu-west-1', owner],
  ['AccessDeniedException', { KeyId: arn }, 'us-east-1', other],
  ['ValidationException', {}, 'us-east-1', owner],
])('%s for %j in %s by %s', async (type, input, region, account) => {
  const { status, json } = await sim.kms('DescribeKey', input, region, account);
  expect([status, json]).toEqual([400, { __type: type, message: expect.any(String) }]);
});

test('a grant gives the other account what it names, until it is revoked', async () => {
  const grant = { KeyId: 'alias/ami', GranteePrincipal, Operations, Name: 'amiferry:j-1' };
  const first = await sim.kms('CreateGrant', grant);
  expect(await sim.kms('CreateGrant', grant)).toEqual(first);
  expect((await sim.kms('DescribeKey', { KeyId: arn }, 'us-east-1', other)).status).toBe(200);
  const { Grants } = (await sim.kms('ListGrants', { KeyId: arn })).json as { Grants: object[] };
  expect(Grants).toMatchObject([{ Name: 'amiferry:j-1', GranteePrincipal, Operations }]);
  const { GrantId } = first.json as { GrantId: string };
  expect((await sim.kms('RevokeGrant', { KeyId: arn, GrantId })).status).toBe(200);
  expect((await sim.kms('RevokeGrant', { KeyId: arn, GrantId })).json).toMatchObject({
    __type: 'NotFoundException',
  });
  expect((await sim.kms('DescribeKey', { KeyId: arn }, 'us-east-1', other)).json).toMatchObject({
    __type: 'AccessDeniedException',
  });
  expect(await sim.calls()).toMatchObject({ mutations: 4, calls: { CreateGrant: { 'us-east-1': 2 } } });
});

test('grants are listed in pages', async () => {
  for (let n = 0; n < 5; n++)
    await sim.kms('CreateGrant', { KeyId: arn, GranteePrincipal, Operations, Name: `g-${n}` });
  const names: string[] = [];
  let Marker: string | undefined;
  do {
    const { json } = await sim.kms('ListGrants', {
      KeyId: arn,
      Limit: 2,
      ...(Marker === undefined ? {} : { Marker }),
    });
    const page = json as { Grants: { Name: string }[]; Truncated: boolean; NextMarker?: string };
    names.push(...page.Grants.map((grant) => grant.Name));
    Marker = page.NextMarker;
    expect(page.Truncated).toBe(Marker !== undefined);
  } while (Marker !== undefined);
  expect(names).toEqual(['g-0', 'g-1', 'g-2', 'g-3', 'g-4']);
});

test.each([
  ['DisabledException', { KeyId: 'alias/disabled', GranteePrincipal, Operations }],
  ['InvalidArnException', { KeyId: arn, GranteePrincipal: 'someone', Operations }],
  ['ValidationException', { KeyId: arn, GranteePrincipal, Operations: ['Everything'] }],
])('CreateGrant refuses with %s', async (type, input) => {
  expect((await sim.kms('CreateGrant', input)).json).toMatchObject({ __type: type });
});

test('a key with a policy for another account can be added', async () => {
  const { json } = await sim.control('POST', 'keys', {
    account: owner,
    region: 'us-east-1',
    alias: 'alias/open',
    policyAccounts: [other],
  });
  const added = (json as { arn: string }).arn;
  expect((await sim.kms('DescribeKey', { KeyId: added }, 'us-east-1', other)).status).toBe(200);
  const { Aliases } = (await sim.kms('ListAliases', { KeyId: added })).json as {
    Aliases: { AliasName: string }[];
  };
  expect(Aliases.map((alias) => alias.AliasName)).toEqual(['alias/open']);
});
