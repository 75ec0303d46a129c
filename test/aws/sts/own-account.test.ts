import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Fault, Simulator } from '../../../simulator/index.ts';
import { startSimulator } from '../../../simulator/index.ts';
import { AwsError } from '../../../src/aws/aws-error.ts';
import { OwnAccount } from '../../../src/aws/sts/own-account.ts';
import { SimulatorControl } from '../../helpers/simulator-control.ts';
import { PATIENCE } from '../../helpers/waiting.ts';

const REGION = 'eu-west-1';
const ACCOUNT = '222222222222';

let simulator: Simulator;
let control: SimulatorControl;
let own: OwnAccount;

beforeEach(async () => {
  simulator = await startSimulator();
  control = new SimulatorControl(simulator.url);
  own = new OwnAccount(
    {
      requestTimeoutMs: PATIENCE,
      maxAttempts: 1,
      endpoint: simulator.url,
      credentialsOf: () => ({ accessKeyId: `AKIASIM${ACCOUNT}`, secretAccessKey: 'simulated' }),
    },
    REGION,
  );
});
afterEach(async () => {
  own.close();
  await simulator.close();
});

const fail = (fault: Partial<Fault>) => control.fault({ action: 'GetCallerIdentity', ...fault });
const calls = async () => (await control.calls()).calls;

test('is the account of the credentials, known only after STS has answered', async () => {
  expect(await own.get()).toBe(ACCOUNT);
});

test('takes one call, in its region, for all callers at once and all later ones', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => own.get()));
  expect(new Set([...answers, await own.get()])).toEqual(new Set([ACCOUNT]));
  expect(await calls()).toEqual({ GetCallerIdentity: { [REGION]: 1 } });
});

test('is asked for again after a failure, which all callers of that call get', async () => {
  await fail({ error: 'InternalFailure', status: 500 });
  const failed = await Promise.allSettled([own.get(), own.get()]);
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await own.get()).toBe(ACCOUNT);
  expect(await calls()).toEqual({ GetCallerIdentity: { [REGION]: 2 } });
});

test.each<[string, Partial<Fault>, string]>([
  ['expired credentials', { error: 'ExpiredToken', status: 403 }, 'credentials'],
  ['unknown credentials', { error: 'InvalidClientTokenId', status: 403 }, 'credentials'],
  ['throttling', { error: 'Throttling', status: 400 }, 'throttled'],
  ['a cut connection', { drop: true }, 'transient'],
  ['a web page in place of the answer', { html: true }, 'transient'],
])('%s: an AwsError', async (_name, fault, kind) => {
  await fail(fault);
  const error: unknown = await own.get().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(AwsError);
  expect(error).toMatchObject({
    kind,
    message: expect.stringMatching(/^GetCallerIdentity in eu-west-1: /),
  });
});
