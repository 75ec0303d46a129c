import { afterEach, describe, expect, test } from 'vitest';
import { cancelJob } from '../../src/commands/cancel-job.ts';
import { snapshotIdsOf } from '../../src/domain/ami.ts';
import { retryJob } from '../../src/commands/retry-job.ts';
import { copyOf, EU, eu, thereIn, untilClean, US } from '../helpers/copies.ts';
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

/** A pending copy that is being cancelled, while a call answers an error from then on. */
async function cancelled(fault: { action: string; error: string }, patience = retryMs): Promise<string> {
  service = await startService({ settings: { retryMs: patience }, simulator: { copySeconds: 3600 } });
  const { id } = await service.copy({ destinations: [{ region: EU }] });
  await service.untilJob(id, ({ destinations: [one] }) => one?.state === 'pending');
  await service.control.fault({ times: 100_000, ...fault, region: EU });
  await cancelJob(service, id, TESTER);
  return id;
}

describe('a removal ends', () => {
  test.each([
    ['DeregisterImage', 'Unavailable', 1],
    ['DescribeImages', 'InternalError', 1],
    ['DeregisterImage', 'RequestLimitExceeded', 4],
  ])('though %s answers %s for ever, and says what is left', async (action, error, times) => {
    const id = await cancelled({ action, error });
    const [one] = (await service.untilFinished(id)).destinations;
    expect(one).toMatchObject({ state: 'failed', stopping: null, error: { code: 'removal-refused' } });
    expect(one?.error).toMatchObject({ awsCode: error, awsRequestId: expect.stringMatching(/./) });
    for (const word of [one?.imageId, EU, error]) expect(one?.error?.message).toContain(word);
    const elapsed = (one?.finishedAt ?? 0) - (one?.stoppingAt ?? 0);
    expect(elapsed).toBeGreaterThanOrEqual(times * retryMs);
    await service.control.clearFaults();
    expect((await thereIn(service)).images).toEqual([one?.imageId]);
  });

  test('though EC2 shows snapshots for ever that it says are deleted', async () => {
    service = await startService({ settings: { retryMs } });
    await service.control.fault({ action: 'CopyImage', region: US, copyFails: { reason: 'no' } });
    const gone = { action: 'DeleteSnapshot', times: 100_000, error: 'InvalidSnapshot.NotFound' };
    await service.control.fault({ ...gone, region: EU });
    const { id } = await service.copy({
      destinations: [{ region: EU }, { region: US }],
      onFailure: 'deregister',
    });
    const [one] = (await service.untilFinished(id)).destinations;
    expect(one).toMatchObject({
      state: 'failed',
      imageState: 'deregistered',
      error: { code: 'removal-refused', awsCode: null },
    });
    expect(one?.error?.message).toContain(one?.imageId);
  });

  test('well, after EC2 has throttled it for longer than the deadline for other errors', async () => {
    // Far longer than any backoff.
    const patience = 200_000;
    const id = await cancelled({ action: 'DeregisterImage', error: 'RequestLimitExceeded' }, patience);
    const { destination } = await copyOf(service, id);
    while (service.store.now() - (destination.stoppingAt ?? 0) <= 2 * patience) {
      await service.steps.advance(patience / 4);
      await service.steps.runDue();
    }
    await service.control.clearFaults();
    const refused = { action: 'DeregisterImage', times: 2, error: 'OperationNotPermitted' };
    await service.control.fault({ ...refused, region: EU });
    const [one] = (await service.untilFinished(id)).destinations;
    expect(one).toMatchObject({ state: 'cancelled', error: null });
    expect(await thereIn(service)).toEqual({ images: [], snapshots: [] });
    expect((await service.control.calls()).errors['DeregisterImage']).toMatchObject({
      OperationNotPermitted: 2,
    });
  });
});

test('a retry starts though what an earlier attempt left can not be removed, and its reader is told', async () => {
  service = await startService({ settings: { retryMs } });
  await service.control.fault({ action: 'CopyImage', region: EU, copyFails: { reason: 'no' } });
  const { id } = await service.copy({ destinations: [{ region: EU }] });
  const failed = await service.untilFinished(id);
  const left = failed.destinations[0]?.imageId;
  const unavailable = { action: 'DeregisterImage', times: 100_000, error: 'Unavailable' };
  await service.control.fault({ ...unavailable, region: EU });
  await retryJob(service, id, TESTER);
  expect((await service.untilFinished(id)).destinations[0]).toMatchObject({
    state: 'succeeded',
    attempts: 2,
  });
  const { warnings } = await untilClean(service, id);
  expect(warnings).toMatchObject([{ code: 'image-not-removed', region: EU }]);
  for (const word of [left, 'Unavailable', 'EC2 request ']) expect(warnings[0]?.message).toContain(word);
});
