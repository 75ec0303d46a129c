import { OWN } from '../helpers/account.ts';
import { DisableImageCommand, EC2Client } from '@aws-sdk/client-ec2';
import { afterEach, expect, test } from 'vitest';
import type { Service } from '../helpers/service.ts';
import { startService, testCredentials } from '../helpers/service.ts';

let service: Service;
afterEach(() => service.stop());

const A = '222222222222';
const eu = { account: OWN, region: 'eu-west-1' };
const destinations = [{ region: eu.region }];

test('EC2 may not know a new copy yet where it is to be shared: that is waited for', async () => {
  service = await startService();
  const stale = { region: eu.region, times: 1, error: 'InvalidAMIID.NotFound' };
  await service.control.fault({ action: 'ModifyImageAttribute', ...stale });
  await service.control.fault({ action: 'DescribeImageAttribute', ...stale });
  const { id } = await service.copy({ destinations, permissions: { accounts: [A] } });
  const [copy] = (await service.untilFinished(id)).destinations;
  expect(copy).toMatchObject({ state: 'succeeded', attempts: 1 });
  expect((await service.gateway.launchPermissions(eu, copy?.imageId ?? '')).accounts).toEqual([A]);
  expect((await service.control.calls()).errors['ModifyImageAttribute']).toEqual({
    'InvalidAMIID.NotFound': 1,
  });
});

test('a copy that somebody disabled before it was looked at is complete: it was made', async () => {
  service = await startService();
  const blind = { action: 'DescribeImages', region: eu.region, times: 1000, error: 'Unavailable' };
  await service.control.fault(blind);
  const { id } = await service.copy({ destinations });
  const pending = await service.untilJob(id, ({ destinations: [one] }) => one?.imageId !== null);
  const ImageId = pending.destinations[0]?.imageId ?? '';
  const endpoint = service.simulator.url;
  const owner = new EC2Client({ endpoint, region: eu.region, credentials: testCredentials() });
  const disabled = () =>
    owner.send(new DisableImageCommand({ ImageId })).then(
      () => true,
      () => false,
    );
  // EC2 refuses while the image is pending.
  await service.until(disabled);
  owner.destroy();
  await service.control.clearFaults();
  const [copy] = (await service.untilFinished(id)).destinations;
  expect(copy?.state).toBe('succeeded');
  expect(await service.gateway.describeImage(eu, ImageId)).toMatchObject({ state: 'disabled' });
});
