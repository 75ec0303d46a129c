import { afterEach, beforeEach, expect, test } from 'vitest';
import { AwsGateway } from '../../src/aws/ec2/aws-gateway.ts';
import { AwsKmsGateway } from '../../src/aws/kms/aws-kms-gateway.ts';
import { NOBODY } from '../../src/domain/permissions.ts';
import type { Simulator } from '../../simulator/index.ts';
import { startSimulator } from '../../simulator/index.ts';
import { OWN } from '../helpers/account.ts';
import { testCredentials } from '../helpers/service.ts';
import { SimulatorControl } from '../helpers/simulator-control.ts';
import { PATIENCE } from '../helpers/waiting.ts';

const scope = { account: OWN, region: 'us-east-1' };
const IMAGE = 'ami-0a1b2c3d4e5f60001';
const A = '222222222222';

let simulator: Simulator;
let control: SimulatorControl;
let ec2: AwsGateway;
let kms: AwsKmsGateway;
beforeEach(async () => {
  simulator = await startSimulator({});
  control = new SimulatorControl(simulator.url);
  const options = { requestTimeoutMs: PATIENCE, maxAttempts: 3, endpoint: simulator.url };
  ec2 = new AwsGateway({ ...options, credentialsOf: testCredentials });
  kms = new AwsKmsGateway({ ...options, credentialsOf: testCredentials });
});
afterEach(async () => {
  ec2.close();
  kms.close();
  await simulator.close();
});

/** Allows the first try, and no other. */
function fenceOfOne(): () => Promise<void> {
  let asked = 0;
  return async () => {
    asked += 1;
    if (asked > 1) throw new Error('a later change takes this away');
  };
}

const GIVING: [action: string, error: string, call: (fence: () => Promise<void>) => Promise<unknown>][] = [
  [
    'ModifyImageAttribute',
    'InternalError',
    (fence) => ec2.modifyLaunchPermissions(scope, IMAGE, { ...NOBODY, accounts: [A] }, NOBODY, fence),
  ],
  [
    'CreateGrant',
    'KMSInternalException',
    (fence) => kms.createGrant(scope, 'alias/ami', 'amiferry/x', A, fence),
  ],
];

test.each(GIVING)(
  'a further try of %s is not sent where the fence rejects meanwhile',
  async (action, error, call) => {
    await control.fault({ action, error, status: 500, times: 2 });
    await expect(call(fenceOfOne())).rejects.toMatchObject({ kind: 'transient' });
    expect((await control.calls()).calls[action]).toEqual({ 'us-east-1': 1 });
  },
);

test.each(GIVING)('%s is tried again while the fence allows it', async (action, error, call) => {
  await control.fault({ action, error, status: 500, times: 1 });
  await call(async () => {});
  expect((await control.calls()).calls[action]).toEqual({ 'us-east-1': 2 });
});
