import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { AssumeRoleCommandInput } from '@aws-sdk/client-sts';
import { DescribeImagesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EXTERNAL_ID } from '../../simulator/index.ts';
import { other, owner, startHarness, type Harness } from './harness.ts';

const ROLE = `arn:aws:iam::${other}:role/amiferry-target`;

let sim: Harness;
let sts: STSClient;
beforeEach(async () => {
  sim = await startHarness();
  sts = client(owner);
});
afterEach(async () => {
  sts.destroy();
  await sim.close();
});

function client(account: string): STSClient {
  const credentials = { accessKeyId: account, secretAccessKey: 'simulated' };
  return new STSClient({ region: 'eu-west-1', endpoint: sim.simulator.url, credentials, maxAttempts: 1 });
}

const assume = (input: Partial<AssumeRoleCommandInput> = {}, by = sts) =>
  by.send(
    new AssumeRoleCommand({
      RoleArn: ROLE,
      RoleSessionName: 'amiferry-worker',
      ExternalId: EXTERNAL_ID,
      ...input,
    }),
  );

/** The credentials of a session in the role's account. */
async function session() {
  const { Credentials: { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = {} } = await assume();
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
}

describe('AssumeRole', () => {
  test("answers credentials of the role's account, which end after an hour", async () => {
    const { AssumedRoleUser, Credentials } = await assume();
    expect(AssumedRoleUser?.Arn).toBe(`arn:aws:sts::${other}:assumed-role/amiferry-target/amiferry-worker`);
    expect(Number(Credentials?.Expiration)).toBeGreaterThan(Date.now() + 3_590_000);
    const { region } = { region: 'eu-west-1' };
    const inRole = new STSClient({ region, endpoint: sim.simulator.url, credentials: await session() });
    expect(await inRole.send(new GetCallerIdentityCommand({}))).toMatchObject({ Account: other });
    inRole.destroy();
  });

  test.each([
    ['without the external id', { ExternalId: undefined }, 'AccessDenied'],
    ['with another external id', { ExternalId: 'another' }, 'AccessDenied'],
    ['for longer than an hour', { DurationSeconds: 3601 }, 'ValidationError'],
    ['for less than 15 minutes', { DurationSeconds: 899 }, 'ValidationError'],
    ['of what is no role', { RoleArn: 'arn:aws:iam::222222222222:user/x' }, 'ValidationError'],
    ['with a session name that is too short', { RoleSessionName: 'x' }, 'ValidationError'],
  ])('%s is refused', async (_, input, code) => {
    await expect(assume(input)).rejects.toMatchObject({ name: code });
  });

  test('by an account that the role does not trust is refused', async () => {
    const stranger = client('333333333333');
    await expect(assume({}, stranger)).rejects.toMatchObject({ name: 'AccessDenied' });
    stranger.destroy();
  });

  test('has a fault of its own', async () => {
    await sim.control('POST', 'faults', { action: 'AssumeRole', error: 'ServiceUnavailable' });
    await expect(assume()).rejects.toMatchObject({ name: 'ServiceUnavailable' });
    await expect(assume()).resolves.toMatchObject({ Credentials: {} });
  });
});

test('credentials of a session that has ended are refused', async () => {
  await sim.control('POST', 'settings', { sessionSeconds: 0 });
  const ec2 = new EC2Client({
    region: 'eu-west-1',
    endpoint: sim.simulator.url,
    credentials: await session(),
    maxAttempts: 1,
  });
  await expect(ec2.send(new DescribeImagesCommand({}))).rejects.toMatchObject({ name: 'RequestExpired' });
  ec2.destroy();
});
