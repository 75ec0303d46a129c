import { OWN } from '../helpers/account.ts';
import { afterEach, expect, test, vi } from 'vitest';
import { cancelJob } from '../../src/commands/cancel-job.ts';
import { retryJob } from '../../src/commands/retry-job.ts';
import { ANONYMOUS } from '../../src/domain/access.ts';
import { jobState } from '../../src/domain/job.ts';
import type { Service } from '../helpers/service.ts';
import { startService } from '../helpers/service.ts';

let service: Service;
afterEach(() => service.stop());

const eu = { account: OWN, region: 'eu-west-1' };

test('a cancel that meets a full region still finds the image that the first call makes late', async () => {
  // A real worker: it removes while its first call is under way.
  service = await startService({ workers: 0, simulator: { copySeconds: 0.3 } });
  await service.control.fault({ action: 'CopyImage', region: 'eu-west-1', error: 'ResourceLimitExceeded' });
  const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }] });
  const send = service.gateway.copyImage.bind(service.gateway);
  const refused = Promise.withResolvers<void>();
  vi.spyOn(service.gateway, 'copyImage')
    .mockImplementationOnce(async (...args) => {
      await cancelJob(service, id, ANONYMOUS);
      await refused.promise;
      return send(...args);
    })
    .mockImplementationOnce((...args) => send(...args).finally(refused.resolve));
  await service.startWorker();
  expect(jobState(await service.untilFinished(id))).toBe('cancelled');
  expect((await service.gateway.findImages(eu, {})).filter(({ state }) => state !== 'deregistered')).toEqual(
    [],
  );
});

test('a removal that EC2 refuses for good ends with the reason, the image and the remedy', async () => {
  service = await startService({ simulator: { copySeconds: 60 }, settings: { retryMs: 1000 } });
  const message = 'deregistration protection is enabled';
  await service.control.fault({
    action: 'DeregisterImage',
    times: 1000,
    error: 'OperationNotPermitted',
    message,
  });
  const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }] });
  await service.untilJob(id, (job) => job.destinations[0]?.state === 'pending');
  await cancelJob(service, id, ANONYMOUS);
  const [destination] = (await service.untilFinished(id)).destinations;
  expect(destination).toMatchObject({
    state: 'failed',
    error: { code: 'removal-refused', awsCode: 'OperationNotPermitted' },
  });
  for (const word of [message, destination?.imageId ?? '?', 'amiferry:job'])
    expect(destination?.error?.message).toContain(word);
});

test('copies end though their snapshots may not be looked at', async () => {
  service = await startService({ simulator: { copySeconds: 0.3 } });
  await service.control.fault({
    action: 'DescribeSnapshots',
    region: 'eu-west-1',
    times: 1000,
    error: 'UnauthorizedOperation',
  });
  const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }] });
  expect(jobState(await service.untilFinished(id))).toBe('succeeded');
});

test('a retry while copies are still being removed is refused, and loses none of them later', async () => {
  service = await startService({ simulator: { copySeconds: 0.5 } });
  const copyFails = { reason: 'Copy image failed with an internal error' };
  await service.control.fault({ action: 'CopyImage', region: 'us-west-2', copyFails });
  const destinations = [{ region: 'eu-west-1' }, { region: 'us-west-2' }];
  const { id } = await service.copy({ destinations, onFailure: 'deregister' });
  await service.untilJob(id, (job) => job.destinations.some(({ stopping }) => stopping !== null));
  await expect(retryJob(service, id, ANONYMOUS)).rejects.toMatchObject({ code: 'job-running', status: 409 });
  await service.untilFinished(id);
  await retryJob(service, id, ANONYMOUS);
  expect(jobState(await service.untilFinished(id))).toBe('succeeded');
});
