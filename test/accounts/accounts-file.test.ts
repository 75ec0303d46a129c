import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openAccountsFile, parseAccounts } from '../../src/accounts/accounts-file.ts';
import { testLogger } from '../helpers/service.ts';

const B = '222222222222';
const C = '333333333333';
const ROLE = { name: 'amiferry-target' };

let dir: string;
let externalIdFile: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'amiferry-accounts-'));
  externalIdFile = join(dir, 'external-id');
  await writeFile(externalIdFile, 'an-external-id\n');
});
afterEach(() => rm(dir, { recursive: true }));

const parse = (file: object) => parseAccounts(JSON.stringify({ role: ROLE, accounts: {}, ...file })).accounts;

describe('an accounts file', () => {
  test('names a role for all accounts, and what requests may name in each', () => {
    const accounts = parse({
      role: { ...ROLE, externalIdFile },
      accounts: {
        [B]: { alias: 'prod-eu', regions: ['eu-west-1'], kmsKeyId: 'alias/ami', groups: ['prod'] },
        [C]: {},
      },
    });
    const role = { ...ROLE, externalIdFile };
    expect([...accounts.keys()]).toEqual([B, C]);
    expect(accounts.get(B)).toEqual({
      account: B,
      alias: 'prod-eu',
      regions: ['eu-west-1'],
      kmsKeyId: 'alias/ami',
      groups: ['prod'],
      role,
      readRole: role,
    });
    expect(accounts.get(C)).toMatchObject({ alias: null, regions: null, kmsKeyId: null, groups: [], role });
  });

  test('may name another role for one account, and another one to read with', () => {
    const arn = `arn:aws:iam::${B}:role/teams/copier`;
    const accounts = parse({
      readRole: { name: 'amiferry-read' },
      accounts: { [B]: { role: { arn } }, [C]: {} },
    });
    expect(accounts.get(B)).toMatchObject({ role: { arn }, readRole: { arn } });
    expect(accounts.get(C)).toMatchObject({ role: ROLE, readRole: { name: 'amiferry-read' } });
  });

  test.each([
    ['without a role', { role: undefined }, "must have required property 'role'"],
    [
      'with a field that is not known',
      { accounts: { [B]: { region: 'eu-west-1' } } },
      'additional properties',
    ],
    ['with what is no account', { accounts: { '2222': {} } }, '/accounts/2222'],
    ['with what is no region', { accounts: { [B]: { regions: ['eu'] } } }, `/accounts/${B}/regions/0`],
    ['with what is no key', { accounts: { [B]: { kmsKeyId: 'ami' } } }, `/accounts/${B}/kmsKeyId`],
    ['with what is no ARN', { accounts: { [B]: { role: { arn: 'copier' } } } }, `/accounts/${B}/role/arn`],
    [
      "with another account's role",
      { accounts: { [B]: { role: { arn: `arn:aws:iam::${C}:role/copier` } } } },
      `/accounts/${B}/role/arn is a role of another account`,
    ],
  ])('%s is refused', (_, file, why) => {
    expect(() => parse(file)).toThrow(why);
  });

  test('is refused with an external id that is none, which the error does not repeat', async () => {
    await writeFile(externalIdFile, 'with a space');
    const invalid = () => parse({ role: { ...ROLE, externalIdFile }, accounts: { [B]: {} } });
    expect(invalid).toThrow('has no external id');
    expect(invalid).not.toThrow('with a space');
  });

  test('that becomes invalid leaves the one before in force, and says that it is stale', async () => {
    const path = join(dir, 'accounts.json');
    await writeFile(path, JSON.stringify({ role: ROLE, accounts: { [B]: {} } }));
    const file = openAccountsFile(path);
    await writeFile(path, '{"role": {}}');
    file.reload(testLogger());
    expect([file.stale, [...file.current().accounts.keys()]]).toEqual([true, [B]]);
    await writeFile(path, JSON.stringify({ role: ROLE, accounts: { [C]: {} } }));
    file.reload(testLogger());
    expect([file.stale, [...file.current().accounts.keys()]]).toEqual([false, [C]]);
  });
});
