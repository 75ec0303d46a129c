import { afterEach, beforeEach, expect, test } from 'vitest';
import { OwnAccount } from '../../../src/aws/sts/own-account.ts';
import type { Simulator } from '../../../simulator/index.ts';
import { startSimulator } from '../../../simulator/index.ts';
import { OWN } from '../../helpers/account.ts';
import { testCredentials } from '../../helpers/service.ts';
import { SimulatorControl } from '../../helpers/simulator-control.ts';

let simulator: Simulator;
let own: OwnAccount;
beforeEach(async () => {
  simulator = await startSimulator({});
  const options = { requestTimeoutMs: 60_000, maxAttempts: 1, endpoint: simulator.url };
  own = new OwnAccount({ ...options, credentials: testCredentials() }, 'eu-west-1');
});
afterEach(async () => {
  own.close();
  await simulator.close();
});

const asked = async () => (await new SimulatorControl(simulator.url).calls()).calls['GetCallerIdentity'];

test('STS is asked once, however many want to know at once and later', async () => {
  expect(await Promise.all([own.get(), own.get(), own.get()])).toEqual([OWN, OWN, OWN]);
  expect(await own.get()).toBe(OWN);
  expect(await asked()).toEqual({ 'eu-west-1': 1 });
});

test('expired credentials are no answer that is kept', async () => {
  const control = new SimulatorControl(simulator.url);
  await control.fault({ action: 'GetCallerIdentity', error: 'ExpiredToken', times: 1 });
  await expect(own.get()).rejects.toMatchObject({ kind: 'credentials', code: 'account-not-reachable' });
  expect(await own.get()).toBe(OWN);
});
