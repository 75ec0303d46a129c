import { describe, expect, test } from 'vitest';
import type { PermissionState } from '../../src/domain/permissions.ts';
import type { Policy, Rules } from '../../src/domain/policy.ts';
import {
  againstChanging,
  againstCopying,
  againstSharing,
  PRIVATE,
  rulesFor,
  sharingOf,
} from '../../src/domain/policy.ts';

const NOTHING: Rules = {
  sourceRegions: [],
  destinationRegions: [],
  destinationAccounts: [],
  accounts: [],
  organizations: [],
  organizationalUnits: [],
  kmsKeys: [],
  allowPublic: false,
  allowKeyGrants: false,
};
const A = '222222222222';
const B = '333333333333';
const policy = (rules: Partial<Rules>): Policy => ({
  version: 'sha256:test',
  principals: { 'key:ci': { ...NOTHING, ...rules } },
});
const state = (more: Partial<PermissionState>): PermissionState => ({ ...PRIVATE, ...more });

describe('whose rules', () => {
  const both = {
    ...policy({ accounts: [A] }),
    principals: { 'key:ci': NOTHING, '*': { ...NOTHING, accounts: [A] } },
  };

  test("a principal's own go before those for all, and are not added to them", () => {
    expect(rulesFor(both, 'key:ci')?.accounts).toEqual([]);
    expect(rulesFor(both, 'key:other')?.accounts).toEqual([A]);
  });

  test.each(['__proto__', 'constructor', 'toString', 'oidc:ci', 'ci', ''])('%j has none', (principal) => {
    expect(rulesFor(policy({}), principal)).toBeNull();
    expect(againstSharing(policy({}), principal, sharingOf(PRIVATE, PRIVATE, []))).toHaveLength(1);
  });

  test('without a policy all is allowed', () => {
    const everything = sharingOf(PRIVATE, state({ public: true, accounts: [A] }), [A]);
    expect(againstSharing(null, 'anonymous', everything)).toEqual([]);
    expect(againstChanging(null, 'anonymous', 'eu-west-1', [])).toEqual([]);
  });
});

describe('what a change gives', () => {
  test.each<[string, Partial<PermissionState>, Partial<PermissionState>, boolean, object]>([
    ['nothing new', { accounts: [A] }, { accounts: [A] }, false, { accounts: [] }],
    ['less than before', { public: true, accounts: [A] }, {}, false, { public: false, accounts: [] }],
    ['an account', { accounts: [A] }, { accounts: [A, B] }, false, { accounts: [B] }],
    [
      'the snapshots to one that launches already',
      { accounts: [A] },
      { accounts: [A], snapshotAccounts: [A] },
      false,
      { accounts: [A] },
    ],
    ['keys to all of them', { accounts: [A] }, { accounts: [A] }, true, { accounts: [A], keyGrants: true }],
    ['keys to nobody', { accounts: [A] }, {}, true, { accounts: [], keyGrants: false }],
    ['everybody', {}, { public: true }, false, { public: true }],
  ])('%s', (_name, before, target, keys, expected) => {
    expect(sharingOf(state(before), state(target), keys ? (target.accounts ?? []) : [])).toMatchObject(
      expected,
    );
  });
});

test('each thing outside the rules is named, and only those', () => {
  const sharing = sharingOf(PRIVATE, state({ public: true, accounts: [A, B], organizations: ['o'] }), []);
  expect(againstSharing(policy({ accounts: [A] }), 'key:ci', sharing)).toEqual([
    expect.stringContaining('public'),
    expect.stringContaining(B),
    expect.stringContaining('organization o'),
  ]);
  expect(
    againstSharing(policy({ accounts: ['*'], organizations: ['*'], allowPublic: true }), 'key:ci', sharing),
  ).toEqual([]);
});

test('a copy needs its source, each destination and each named key', () => {
  const plan = {
    sourceRegion: 'us-east-1',
    otherAccounts: [],
    destinations: [
      { region: 'eu-west-1', kmsKeyId: null },
      { region: 'eu-west-2', kmsKeyId: 'alias/a' },
    ],
  };
  const rules = { sourceRegions: ['us-east-1'], destinationRegions: ['eu-west-1'] };
  expect(againstCopying(policy(rules), 'key:ci', plan)).toEqual([
    expect.stringContaining('copy to eu-west-2'),
    expect.stringContaining('alias/a'),
  ]);
  const enough = { ...rules, destinationRegions: ['*'], kmsKeys: ['alias/a'] };
  expect(againstCopying(policy(enough), 'key:ci', plan)).toEqual([]);
});

test('permissions may be changed where copies may come from or go to, and nowhere else', () => {
  const rules = policy({ sourceRegions: ['us-east-1'], destinationRegions: ['eu-west-1'] });
  const regions = ['us-east-1', 'eu-west-1', 'eu-west-2'];
  expect(regions.map((region) => againstChanging(rules, 'key:ci', region, []).length)).toEqual([0, 0, 1]);
});

test('an account besides the own one needs to be listed, to copy there and to change permissions there', () => {
  const rules = { sourceRegions: ['*'], destinationRegions: ['*'], destinationAccounts: [A] };
  const plan = { sourceRegion: 'us-east-1', destinations: [] };
  const inProd = (accounts: string[]) => accounts.map((account) => ({ account, groups: ['prod'] }));
  const copying = (accounts: string[]) =>
    againstCopying(policy(rules), 'key:ci', { ...plan, otherAccounts: inProd(accounts) });
  expect(copying([A])).toEqual([]);
  expect(copying([A, B])).toEqual([
    `the policy doesn't let key:ci copy to or from account ${B} ("destinationAccounts")`,
  ]);
  const changing = (accounts: string[]) =>
    againstChanging(policy(rules), 'key:ci', 'eu-west-1', inProd(accounts));
  expect(changing([])).toEqual([]);
  expect(changing([A])).toEqual([]);
  expect(changing([B])).toHaveLength(1);
});

test('a group that is listed stands for the accounts in it', () => {
  const rules = { sourceRegions: ['*'], destinationRegions: ['*'], destinationAccounts: ['group:prod'] };
  const otherAccounts = [
    { account: A, groups: ['sandbox', 'prod'] },
    { account: B, groups: ['sandbox'] },
  ];
  const plan = { sourceRegion: 'us-east-1', destinations: [], otherAccounts };
  expect(againstCopying(policy(rules), 'key:ci', plan)).toEqual([
    `the policy doesn't let key:ci copy to or from account ${B} ("destinationAccounts")`,
  ]);
});

test('of thousands of values fifty are named, and the number of the others', () => {
  const accounts = Array.from({ length: 4000 }, (_, i) => String(1e11 + i));
  const reasons = againstSharing(policy({}), 'key:ci', sharingOf(PRIVATE, state({ accounts }), []));
  expect(reasons).toHaveLength(50);
  expect(reasons[0]).toBe('the policy doesn\'t let key:ci share with account 100000000000 ("accounts")');
  expect(reasons[49]).toBe(
    'the policy doesn\'t let key:ci share with account 100000000049 and 3950 more ("accounts")',
  );
});
