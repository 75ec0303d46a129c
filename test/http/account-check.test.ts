import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AccountCheck } from '../../src/commands/check-account.ts';
import { OWN } from '../helpers/account.ts';
import { B, C, testAccounts } from '../helpers/accounts.ts';
import type { Api } from './api.ts';
import { startApi } from './api.ts';

let api: Api;
beforeEach(async () => {
  const accounts = testAccounts({
    [B]: { regions: ['eu-west-1', 'us-east-1'], kmsKeyId: 'alias/ami' },
    [C]: {},
  });
  api = await startApi({ workers: 0, accounts });
});
afterEach(() => api.stop());

async function check(account: string): Promise<AccountCheck> {
  const answer = await api.post(`/accounts/${account}/check`);
  expect(answer.statusCode).toBe(200);
  return answer.json<AccountCheck>();
}

const failed = ({ findings }: AccountCheck) => findings.filter(({ outcome }) => outcome !== 'ok');

test('an account in which everything works', async () => {
  const result = await check(B);
  expect(failed(result)).toEqual([]);
  expect(result.ok).toBe(true);
  const inEurope = result.findings.filter(({ region }) => region === 'eu-west-1').map(({ what }) => what);
  expect(inEurope).toEqual([
    'region',
    'key',
    'ec2:CopyImage',
    'ec2:ModifyImageAttribute',
    'ec2:ModifySnapshotAttribute',
    'ec2:DeregisterImage',
    'ec2:DeleteSnapshot',
  ]);
  const { calls } = await api.service.control.calls();
  expect(Object.values(calls['DescribeRegions'] ?? {})).toEqual([1]);
});

test('the own account is checked in all regions of the service that it has enabled', async () => {
  const { ok, findings } = await check(OWN);
  const disabled = findings.filter(({ what, outcome }) => what === 'region' && outcome === 'failed');
  expect(ok).toBe(disabled.length === 0);
  expect(findings.filter(({ what }) => what === 'ec2:CopyImage').length).toBeGreaterThan(5);
});

test('a role that can not be assumed', async () => {
  await api.service.control.fault({ action: 'AssumeRole', times: 100, error: 'AccessDenied' });
  expect(await check(B)).toMatchObject({
    ok: false,
    findings: [
      {
        what: 'role',
        outcome: 'failed',
        message: expect.stringContaining('check that it exists, that its trust policy'),
      },
    ],
  });
});

test('an operation that the role may not call, with the statement to add', async () => {
  await api.service.control.fault({
    action: 'CopyImage',
    region: 'eu-west-1',
    times: 100,
    error: 'UnauthorizedOperation',
    message: 'You are not authorized to perform this operation.',
  });
  const result = await check(B);
  expect(result.ok).toBe(false);
  expect(failed(result)).toMatchObject([
    {
      what: 'ec2:CopyImage',
      region: 'eu-west-1',
      outcome: 'failed',
      statement: {
        Effect: 'Allow',
        Action: ['ec2:CopyImage'],
        Resource: ['arn:aws:ec2:eu-west-1::image/*', 'arn:aws:ec2:eu-west-1::snapshot/*'],
      },
    },
  ]);
});

test('an error that says nothing about permissions', async () => {
  await api.service.control.fault({ action: 'DeregisterImage', times: 100, error: 'InvalidAMIID.NotFound' });
  const result = await check(B);
  expect(result.ok).toBe(true);
  expect(failed(result).map(({ what, outcome }) => [what, outcome])).toEqual([
    ['ec2:DeregisterImage', 'unknown'],
    ['ec2:DeregisterImage', 'unknown'],
  ]);
});

test('a key that is not there, and one that may not be read', async () => {
  await api.stop();
  const accounts = testAccounts({
    [B]: { regions: ['eu-west-1'], kmsKeyId: 'alias/nothing' },
    [C]: { regions: ['eu-west-1'], kmsKeyId: 'alias/ami' },
  });
  api = await startApi({ workers: 0, accounts });
  expect(failed(await check(B))).toMatchObject([
    { what: 'key', message: expect.stringContaining('there is no key alias/nothing') },
  ]);
  await api.service.control.fault({ action: 'DescribeKey', times: 10, error: 'AccessDeniedException' });
  expect(failed(await check(C))).toMatchObject([
    { what: 'key', statement: { Action: ['kms:DescribeKey'], Resource: ['arn:aws:kms:eu-west-1:*:key/*'] } },
  ]);
});

test('an account that is not configured is refused', async () => {
  const answer = await api.post('/accounts/444444444444/check');
  expect([answer.statusCode, answer.json()]).toMatchObject([404, { code: 'account-not-found' }]);
});
