import type { STSClient } from '@aws-sdk/client-sts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Simulator } from '../../simulator/index.ts';
import { startSimulator } from '../../simulator/index.ts';
import type { AwsOptions, ClientScope, ServiceSdk } from '../../src/aws/clients.ts';
import { AwsClients } from '../../src/aws/clients.ts';
import { SimulatorControl } from '../helpers/simulator-control.ts';
import { PATIENCE } from '../helpers/waiting.ts';

type StsSdk = typeof import('@aws-sdk/client-sts');
const STS: ServiceSdk<StsSdk, STSClient> = {
  service: 'STS',
  answers: 'xml',
  load: () => import('@aws-sdk/client-sts'),
  create: (sdk, config) => new sdk.STSClient(config),
};
const OWN = '111111111111';
const OTHER = '222222222222';

let simulator: Simulator;
/** The accounts whose credentials were asked for, in order. */
let asked: (string | null)[];
let clients: AwsClients<StsSdk, STSClient>;

function factory(options: Partial<AwsOptions> = {}): AwsClients<StsSdk, STSClient> {
  const credentialsOf = (account: string | null) => {
    asked.push(account);
    const accessKeyId = `AKIASIM${account ?? OWN}`;
    return async () => ({ accessKeyId, secretAccessKey: 'simulated' });
  };
  return new AwsClients(STS, {
    requestTimeoutMs: PATIENCE,
    maxAttempts: 2,
    endpoint: simulator.url,
    credentialsOf,
    ...options,
  });
}

async function identity(scope: ClientScope): Promise<string | undefined> {
  const { sdk, client } = await clients.get(scope);
  const { Account } = await client.send(new sdk.GetCallerIdentityCommand({}));
  return Account;
}

beforeEach(async () => {
  simulator = await startSimulator();
  asked = [];
  clients = factory();
});
afterEach(async () => {
  clients.close();
  await simulator.close();
});

test('there is one client for each account and region', async () => {
  const get = async (account: string | null, region: string) =>
    (await clients.get({ account, region })).client;
  const first = await get(OTHER, 'eu-west-1');
  expect(await get(OTHER, 'eu-west-1')).toBe(first);
  expect(await get(OTHER, 'us-west-2')).not.toBe(first);
  expect(await get(OWN, 'eu-west-1')).not.toBe(first);
  expect(await get(null, 'eu-west-1')).not.toBe(first);
});

test('a client calls its region with the credentials of its account', async () => {
  expect(await identity({ account: OTHER, region: 'eu-west-1' })).toBe(OTHER);
  expect(await identity({ account: OTHER, region: 'us-west-2' })).toBe(OTHER);
  expect(await identity({ account: null, region: 'us-west-2' })).toBe(OWN);
  expect(asked).toEqual([OTHER, OTHER, null]);
  const { calls } = await new SimulatorControl(simulator.url).calls();
  expect(calls).toEqual({ GetCallerIdentity: { 'eu-west-1': 1, 'us-west-2': 2 } });
});

test('the clients that were used last are kept, and one that is dropped finishes its call', async () => {
  const first = { account: OTHER, region: 'eu-west-1' };
  const { client } = await clients.get(first);
  await new SimulatorControl(simulator.url).fault({ action: 'GetCallerIdentity', delayMs: 300 });
  const slow = identity(first);
  await Promise.all(
    Array.from({ length: 199 }, (_, i) => clients.get({ account: OWN, region: `eu-west-${i + 2}` })),
  );
  expect((await clients.get(first)).client).toBe(client);
  await Promise.all(
    Array.from({ length: 200 }, (_, i) => clients.get({ account: OTHER, region: `us-west-${i}` })),
  );
  expect((await clients.get(first)).client).not.toBe(client);
  expect(await slow).toBe(OTHER);
});

test('the SDK tries a throttled call again, unless that is left to the caller', async () => {
  const scope = { account: null, region: 'eu-west-1' };
  const throttle = () =>
    new SimulatorControl(simulator.url).fault({ action: 'GetCallerIdentity', error: 'Throttling' });
  await throttle();
  expect(await identity(scope)).toBe(OWN);
  clients.close();
  clients = factory({ leavesThrottling: true });
  await throttle();
  await expect(identity(scope)).rejects.toMatchObject({ name: 'Throttling' });
});
