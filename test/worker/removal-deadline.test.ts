import { afterEach, expect, test } from 'vitest';
import { cancelJob } from '../../src/commands/cancel-job.ts';
import { snapshotIdsOf } from '../../src/domain/ami.ts';
import { copyOf, EU, eu, thereIn, US } from '../helpers/copies.ts';
import type { Service } from '../helpers/service.ts';
import { startService, TESTER } from '../helpers/service.ts';

let service: Service;
afterEach(() => service.stop());

const retryMs = 3000;
test('a rollback that an image in the way keeps from ending says which snapshot and which image', async () => {
  service = await startService({ settings: { retryMs }, simulator: { copySeconds: 3600 } });
  const { id } = await service.copy({
    destinations: [{ region: EU }, { region: US }],
    onFailure: 'deregister',
  });
  const pending = await service.untilJob(id, ({ destinations }) =>
    destinations.every(({ state }) => state === 'pending'),
  );
  const [imageId = '', other = ''] = pending.destinations.map((one) => one.imageId ?? '');
  await service.control.setState(imageId, 'available');
  await service.untilJob(id, ({ destinations: [one] }) => one?.state === 'succeeded');
  const [image] = await service.gateway.findImages(eu, { imageIds: [imageId] });
  const snapshotIds = snapshotIdsOf(image === undefined ? [] : [image]);
  const [snapshotId = ''] = snapshotIds;
  const { imageId: user } = (await service.control.addImage({
    region: EU,
    name: 'made of the same snapshot',
    snapshots: [{ snapshotId, sizeGiB: 8 }],
  })) as { imageId: string };
  await service.control.setState(other, 'failed');
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
