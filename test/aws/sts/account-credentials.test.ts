import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Simulator } from '../../../simulator/index.ts';
import { EXTERNAL_ID, startSimulator } from '../../../simulator/index.ts';
import type { Accounts } from '../../../src/accounts/accounts.ts';
import { parseAccounts } from '../../../src/accounts/accounts-file.ts';
import { AwsGateway } from '../../../src/aws/ec2/aws-gateway.ts';
import { AccountCredentials } from '../../../src/aws/sts/account-credentials.ts';
import { GOLDEN_WEB } from '../../helpers/service.ts';
import { SimulatorControl } from '../../helpers/simulator-control.ts';
import { PATIENCE } from '../../helpers/waiting.ts';

const OWN = '111111111111';
const B = '222222222222';
const C = '333333333333';
const EU = 'eu-west-1';
const OWN_CREDENTIALS = { accessKeyId: `AKIASIM${OWN}`, secretAccessKey: 'simulated' };

let dir: string;
let simulator: Simulator;
let control: SimulatorControl;
let accounts: Accounts;
let credentials: AccountCredentials;
let gateway: AwsGateway;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'amiferry-credentials-'));
  await writeFile(join(dir, 'external-id'), EXTERNAL_ID);
  configure({ [B]: {}, [C]: {} });
  simulator = await startSimulator();
  control = new SimulatorControl(simulator.url);
  const aws = { requestTimeoutMs: PATIENCE, maxAttempts: 1, endpoint: simulator.url };
  credentials = new AccountCredentials(
    { ...aws, credentialsOf: () => OWN_CREDENTIALS },
    {
      accounts: { current: () => accounts, units: () => [] },
      use: 'role',
      sessionName: 'amiferry-test',
      region: EU,
    },
  );
  gateway = new AwsGateway(credentials.aws);
});
afterEach(async () => {
  gateway.close();
  credentials.close();
  await simulator.close();
  await rm(dir, { recursive: true });
});

function configure(all: object): void {
  const role = { name: 'amiferry-target', externalIdFile: join(dir, 'external-id') };
  accounts = parseAccounts(JSON.stringify({ role, accounts: all })).accounts;
}

/** Calls EC2 as an account: its number of images that it owns. */
async function look(account: string, region = EU): Promise<number> {
  return (await gateway.findImages({ account, region }, {})).length;
}

/** Asks for an account's credentials, as the SDK does every minute. */
async function ask(account: string): Promise<void> {
  const provider = await credentials.aws.credentialsOf?.(account);
  if (typeof provider !== 'function') throw new Error('there are no credentials');
  await provider();
}

const assumed = async () => Object.values((await control.calls()).calls['AssumeRole'] ?? {});

test('a call in a configured account is made with the credentials of its role', async () => {
  const { imageId } = GOLDEN_WEB;
  expect(await gateway.describeImage({ account: OWN, region: 'us-east-1' }, imageId)).not.toBeNull();
  expect(await gateway.describeImage({ account: B, region: 'us-east-1' }, imageId)).toBeNull();
});

test('one session serves all regions and concurrent calls of an account', async () => {
  await Promise.all([look(B), look(B, 'us-west-2'), look(B, 'sa-east-1'), look(C)]);
  await look(B, 'eu-west-2');
  expect(await assumed()).toEqual([2]);
});

test('a session that ends soon is renewed', async () => {
  await ask(B);
  await ask(B);
  expect(await assumed()).toEqual([1]);
  await control.settings({ sessionSeconds: 60 });
  await ask(C);
  await ask(C);
  expect(await assumed()).toEqual([3]);
});

test('a change of the role is used without a restart', async () => {
  await look(B);
  const arn = `arn:aws:iam::${B}:role/another`;
  configure({ [B]: { role: { arn, externalIdFile: join(dir, 'external-id') } } });
  await ask(B);
  expect(await assumed()).toEqual([2]);
});

describe('an account', () => {
  test('that is not configured is not called with the own credentials', async () => {
    await expect(look('444444444444')).rejects.toMatchObject({
      kind: 'credentials',
      code: 'account-not-reachable',
      awsCode: 'AccountNotConfigured',
      message: expect.stringContaining('444444444444 is not configured'),
    });
  });

  test('that is taken out of the file is no longer called', async () => {
    await control.settings({ sessionSeconds: 60 });
    await look(B);
    configure({ [C]: {} });
    await expect(look(B)).rejects.toMatchObject({ kind: 'credentials', awsCode: 'AccountNotConfigured' });
  });

  test('whose role does not trust the service is not reachable, until it does', async () => {
    await writeFile(join(dir, 'external-id'), 'another-id');
    const error: unknown = await look(B).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'credentials', awsCode: 'AccessDenied' });
    expect(String(error)).toContain(`the role amiferry-target of account ${B} can't be assumed`);
    expect(String(error)).not.toContain('another-id');
    await writeFile(join(dir, 'external-id'), EXTERNAL_ID);
    expect(await look(B)).toBe(0);
  });

  test.each([
    ['Throttling', 'throttled'],
    ['InternalFailure', 'transient'],
    ['ExpiredToken', 'credentials'],
    ['RegionDisabledException', 'credentials'],
  ])('of which STS answers %s is called again: %s', async (error, kind) => {
    await control.fault({ action: 'AssumeRole', error });
    await expect(look(B)).rejects.toMatchObject({ kind });
    expect(await look(B)).toBe(0);
  });
});
