import { OWN } from '../helpers/account.ts';
import { DescribeAccountAttributesCommand, DescribeRegionsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { afterEach, expect, test } from 'vitest';
import { AwsGateway } from '../../src/aws/ec2/aws-gateway.ts';
import { withDeadline } from '../../src/aws/deadline.ts';
import { AwsKmsGateway } from '../../src/aws/kms/aws-kms-gateway.ts';
import type { Service } from '../helpers/service.ts';
import { startService, testCredentials } from '../helpers/service.ts';

const scope = { account: OWN, region: 'eu-west-1' };

let service: Service;
afterEach(() => service.stop());

/** Options of clients that wait for a tenth of a second. */
const hasty = () => ({
  requestTimeoutMs: 100,
  maxAttempts: 2,
  endpoint: service.simulator.url,
  credentialsOf: testCredentials,
});

test.each(['half', 'hang'] as const)('an answer that stops (%s) ends in a transient error', async (how) => {
  service = await startService();
  await service.control.fault({ action: '*', times: 10, [how]: true });
  const ec2 = new AwsGateway(hasty());
  await expect(ec2.findImages(scope, {})).rejects.toMatchObject({
    kind: 'transient',
    code: 'ec2-unavailable',
  });
  ec2.close();
  const kms = new AwsKmsGateway(hasty());
  await expect(kms.describeKey(scope, 'alias/ami')).rejects.toMatchObject({ kind: 'transient' });
  kms.close();
});

test('a try that is due only after the deadline is not sent: its caller may have taken back what the call gave', async () => {
  service = await startService();
  const pause = Promise.withResolvers<void>();
  let paused = false;
  const token = { getRetryCount: () => 0, getRetryDelay: () => 0 };
  // A worker that is paused between two tries goes on after the deadline.
  const retryStrategy = {
    acquireInitialRetryToken: async () => token,
    refreshRetryTokenForRetry: async () => {
      if (paused) throw new Error('there are two tries');
      paused = true;
      await pause.promise;
      return token;
    },
    recordSuccess: () => {},
  };
  const { endpoint } = hasty();
  const plain = new EC2Client({
    region: scope.region,
    endpoint,
    credentials: testCredentials(),
    retryStrategy,
  });
  const client = withDeadline(plain, 1000);
  await service.control.fault({ action: 'DescribeRegions', status: 503, error: 'Unavailable' });
  await expect(client.send(new DescribeRegionsCommand({}))).rejects.toThrow('no whole answer');
  pause.resolve();
  await client.send(new DescribeAccountAttributesCommand({})).catch(() => {});
  expect((await service.control.calls()).calls['DescribeRegions']).toEqual({ [scope.region]: 1 });
  client.destroy();
});

test('half an answer about one region does not stop its copies', async () => {
  service = await startService({ requestTimeoutMs: 1000 });
  const { id } = await service.copy({ destinations: [{ region: scope.region }] });
  await service.untilJob(id, ({ destinations: [one] }) => one?.state === 'pending');
  await service.control.fault({ action: 'DescribeImages', region: scope.region, times: 2, half: true });
  const { destinations } = await service.untilFinished(id);
  expect(destinations[0]?.state).toBe('succeeded');
});
