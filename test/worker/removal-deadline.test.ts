import { afterEach, expect, test } from 'vitest';
import { cancelJob } from '../../src/commands/cancel-job.ts';
import { copyOf, EU, thereIn, US } from '../helpers/copies.ts';
import type { Service } from '../helpers/service.ts';
import { startService, TESTER } from '../helpers/service.ts';

let service: Service;
afterEach(() => service.stop());

const retryMs = 3000;
const copyFails = { reason: 'Copy image failed with an internal error' };

/** A copy of two regions, of which one is available and the other still pending with rising progress. */
async function halfDone(): Promise<{ id: string; imageId: string; snapshotIds: string[] }> {
  const { id } = await service.copy({
    destinations: [{ region: EU }, { region: US }],
    onFailure: 'deregister',
  });
  const job = await service.untilJob(id, ({ destinations: [one] }) => one?.state === 'succeeded');
  const imageId = job.destinations[0]?.imageId ?? '';
  return { id, imageId, snapshotIds: (await thereIn(service)).snapshots };
}

test('a rollback that an image in the way keeps from ending says which snapshot and which image', async () => {
  service = await startService({ settings: { retryMs } });
  await service.control.fault({ action: 'CopyImage', region: US, copyFails });
  await service.control.fault({ action: 'DescribeImages', region: US, times: 3, error: 'Unavailable' });
  const { id, imageId, snapshotIds } = await halfDone();
  const [snapshotId = ''] = snapshotIds;
  const { imageId: user } = (await service.control.addImage({
    region: EU,
    name: 'made of the same snapshot',
    snapshots: [{ snapshotId, sizeGiB: 8 }],
  })) as { imageId: string };
  const [one] = (await service.untilFinished(id)).destinations;
  expect(one).toMatchObject({
    state: 'failed',
    stopping: null,
    imageState: 'deregistered',
    error: { code: 'removal-refused', awsCode: 'InvalidSnapshot.InUse' },
  });
  for (const word of [imageId, snapshotId, user]) expect(one?.error?.message).toContain(word);
  const elapsed = (one?.finishedAt ?? 0) - (one?.stoppingAt ?? 0);
  expect(elapsed).toBeGreaterThanOrEqual(retryMs);
  // What can be deleted is, and what the other image is made of stays.
  expect(await thereIn(service)).toEqual({ images: [user], snapshots: [snapshotId] });
});

test("a copy that can't be finished ends by its own clock, whatever another region writes meanwhile", async () => {
  service = await startService({ settings: { retryMs, pollMs: 500 }, simulator: { copySeconds: 600 } });
  await service.control.fault({
    action: 'ModifyImageAttribute',
    region: EU,
    times: 100_000,
    error: 'Unavailable',
  });
  const permissions = { accounts: ['222222222222'] };
  const { id } = await service.copy({ destinations: [{ region: EU }, { region: US }], permissions });
  const pending = await service.untilJob(id, ({ destinations: [first] }) => first?.state === 'pending');
  await service.control.setState(pending.destinations[0]?.imageId ?? '', 'available');
  const job = await service.untilJob(id, ({ destinations: [one] }) => one?.state === 'failed');
  const [one, other] = job.destinations;
  expect(other?.state).toBe('pending');
  expect(one?.error?.code).toBe('ec2-unavailable');
  expect((one?.finishedAt ?? 0) - (one?.availableAt ?? 0)).toBeGreaterThanOrEqual(retryMs);
});

test('a removal that EC2 refuses ends by its own clock, whatever another region writes meanwhile', async () => {
  service = await startService({ settings: { retryMs }, simulator: { copySeconds: 3600 } });
  const { id } = await service.copy({ destinations: [{ region: EU }, { region: US }] });
  await service.untilJob(id, ({ destinations }) => destinations.every(({ state }) => state === 'pending'));
  const refused = { action: 'DeregisterImage', times: 100_000, error: 'OperationNotPermitted' };
  await service.control.fault({ ...refused, region: EU });
  await cancelJob(service, id, TESTER);
  await service.until(async () => {
    await service.store.update(id, (record, now) => ({ ...record, updatedAt: now }));
    return (await copyOf(service, id)).destination.state === 'failed';
  });
  expect((await copyOf(service, id)).destination.error?.code).toBe('removal-refused');
});
