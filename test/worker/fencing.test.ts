import { keyIn } from '../helpers/account.ts';
import { afterEach, describe, expect, test } from 'vitest';
import { cancelJob } from '../../src/commands/cancel-job.ts';
import { retryJob } from '../../src/commands/retry-job.ts';
import { jobState } from '../../src/domain/job.ts';
import { callCopyImage } from '../../src/worker/call-copy-image.ts';
import { failureBecause } from '../../src/worker/failure.ts';
import { pollCopies } from '../../src/worker/poll-copies.ts';
import { removeCopy } from '../../src/worker/remove-copy.ts';
import {
  copyOf,
  EU,
  eu,
  pausedAfterReading,
  taggedSnapshots,
  thereIn,
  untilClean,
  US,
} from '../helpers/copies.ts';
import { begin, fail, onCopy } from '../helpers/transitions.ts';
import type { Service } from '../helpers/service.ts';
import { startService, TESTER } from '../helpers/service.ts';

let service: Service;
afterEach(() => service.stop());

const copyFails = { reason: 'Copy image failed with an internal error' };

/** A copy whose intent is saved and that no worker has called for yet, as the worker that is about to call has it. */
async function begun() {
  const { id } = await service.copy({ destinations: [{ region: EU }] });
  await service.store.update(id, onCopy(begin(EU)));
  return { id, before: await copyOf(service, id) };
}

/** The attempt ends, though the call of a slow worker is still on its way. */
async function endAndRetry(id: string): Promise<void> {
  await service.store.update(id, onCopy(fail(EU, failureBecause('ec2-unavailable', 'for a test'))));
  await retryJob(service, id, TESTER);
}

describe('an answer of CopyImage that comes after its attempt is over', () => {
  test('does not touch the next attempt, and its image is removed with its snapshots', async () => {
    service = await startService();
    const { id, before } = await begun();
    await endAndRetry(id);
    const done = await service.untilFinished(id);
    const kept = done.destinations[0]?.imageId;
    await callCopyImage(service.workerDeps, before.job, before.destination, { fresh: true });
    await untilClean(service, id);

    const { destination } = await copyOf(service, id);
    expect(destination).toMatchObject({ state: 'succeeded', attempts: 2, imageId: kept });
    const there = await thereIn(service);
    expect(there.images).toEqual([kept]);
    expect(await taggedSnapshots(service, id)).toEqual(there.snapshots);
  });

  test('is not written onto the next attempt while that waits for its own', async () => {
    service = await startService();
    const { id, before } = await begun();
    await endAndRetry(id);
    await service.store.update(id, onCopy(begin(EU)));
    await callCopyImage(service.workerDeps, before.job, before.destination, { fresh: true });
    const { destination } = await copyOf(service, id);
    expect(destination).toMatchObject({ state: 'queued', attempts: 2, imageId: null });
    const [leftover] = destination.leftovers ?? [];
    expect(leftover).toMatchObject({ attempt: 1 });

    const done = await service.untilFinished(id);
    await untilClean(service, id);
    expect(done.destinations[0]?.imageId).not.toBe(leftover?.imageId);
    expect((await thereIn(service)).images).toEqual([done.destinations[0]?.imageId]);
  });

  test('is removed though the worker that took it dies, and though EC2 throttles and refuses at first', async () => {
    service = await startService({ settings: { retryMs: 600_000 } });
    const { id, before } = await begun();
    await cancelJob(service, id, TESTER);
    const cancelled = await service.untilFinished(id);
    expect(jobState(cancelled)).toBe('cancelled');
    // EC2 has forgotten the token: the call makes another image.
    await service.control.settings({ tokenMemorySeconds: 0 });
    await service.control.fault({ action: 'DeregisterImage', times: 3, error: 'RequestLimitExceeded' });
    await service.control.fault({ action: 'DeregisterImage', times: 3, error: 'UnauthorizedOperation' });
    await callCopyImage(service.workerDeps, before.job, before.destination, { fresh: true });
    expect((await thereIn(service)).images).toHaveLength(1);
    const [steps] = await service.producer.queues();
    await steps?.obliterate({ force: true });
    await untilClean(service, id);
    expect(await thereIn(service)).toEqual({ images: [], snapshots: [] });
    expect((await copyOf(service, id)).job.warnings).toEqual([]);
  });
});

test('a look that began at attempt 1 says nothing of attempt 2', async () => {
  service = await startService({ simulator: { copySeconds: 60 } });
  await service.control.fault({ action: 'CopyImage', copyFails });
  const { id } = await service.copy({ destinations: [{ region: EU }] });
  await service.untilJob(id, ({ destinations: [one] }) => one?.state === 'pending');
  const pending = await service.store.polls.pending(eu);
  await service.control.advanceSeconds(60);
  await service.untilFinished(id);
  await retryJob(service, id, TESTER);
  await service.untilJob(id, ({ destinations: [one] }) => one?.attempts === 2 && one.state === 'pending');
  const { destination } = await copyOf(service, id);
  // The image of attempt 1 is shown as available now, by a stale answer or since somebody put it so.
  await service.control.addImage({ region: EU, imageId: pending[0]?.imageId ?? '' });
  await pollCopies(service.workerDeps, eu, pending, true);
  expect((await copyOf(service, id)).destination).toEqual(destination);
});

describe('a removal that was paused', () => {
  test('never removes what a later attempt made', async () => {
    service = await startService();
    await service.control.fault({ action: 'CopyImage', region: US, copyFails });
    const { id } = await service.copy({
      destinations: [{ region: EU }, { region: US }],
      onFailure: 'deregister',
    });
    await service.untilJob(id, ({ destinations: [one] }) => one?.stopping === 'rollback');
    const before = await copyOf(service, id);
    await service.untilFinished(id);
    await retryJob(service, id, TESTER);
    const done = await service.untilFinished(id);
    expect(jobState(done)).toBe('succeeded');

    const paused = pausedAfterReading(service.workerDeps, before.job);
    await removeCopy(paused, { v: 2, jobId: id, destination: keyIn(EU), attempt: 1 });
    const { destination } = await copyOf(service, id);
    expect(destination).toMatchObject({ state: 'succeeded', attempts: 2 });
    const there = await thereIn(service);
    expect(there.images).toEqual([destination.imageId]);
    expect(await taggedSnapshots(service, id)).toEqual(there.snapshots);
    expect(there.snapshots.length).toBeGreaterThan(0);
  });

  test('does nothing when its wake-up names an attempt that is over, or none', async () => {
    service = await startService({ simulator: { copySeconds: 60 } });
    const { id } = await service.copy({ destinations: [{ region: EU }] });
    await service.untilJob(id, ({ destinations: [one] }) => one?.state === 'pending');
    await cancelJob(service, id, TESTER);
    const payload = { v: 1, jobId: id, destination: keyIn(EU) };
    for (const old of [payload, { ...payload, attempt: 2 }]) {
      expect(await removeCopy(service.workerDeps, old)).toEqual({ outcome: 'done' });
      expect((await thereIn(service)).images).toHaveLength(1);
    }
    // The sweep wakes it again, by what the record says.
    const [steps] = await service.producer.queues();
    await steps?.obliterate({ force: true });
    await steps?.add('remove-copy', payload, { jobId: `remove-copy.${id}.${EU}` });
    expect(jobState(await service.untilFinished(id))).toBe('cancelled');
    expect((await thereIn(service)).images).toEqual([]);
  });
});

test('a retry after a rollback that got half way makes a new image: the old one is gone', async () => {
  service = await startService({ settings: { retryMs: 2000 }, simulator: { copySeconds: 3600 } });
  const refused = { region: EU, times: 100_000, error: 'OperationNotPermitted' };
  await service.control.fault({ action: 'DeleteSnapshot', ...refused });
  const { id } = await service.copy({
    destinations: [{ region: EU }, { region: US }],
    onFailure: 'deregister',
  });
  const pending = await service.untilJob(id, ({ destinations }) =>
    destinations.every(({ state }) => state === 'pending'),
  );
  const [made = '', other = ''] = pending.destinations.map(({ imageId }) => imageId ?? '');
  await service.control.setState(made, 'available');
  await service.untilJob(id, ({ destinations: [one] }) => one?.state === 'succeeded');
  await service.control.setState(other, 'failed');
  const failed = await service.untilFinished(id);
  const [first] = failed.destinations;
  expect(first).toMatchObject({
    state: 'failed',
    imageState: 'deregistered',
    error: { code: 'removal-refused' },
  });
  await service.control.clearFaults();
  await service.control.settings({ copySeconds: 0.5 });

  await retryJob(service, id, TESTER);
  const done = await service.untilFinished(id);
  await untilClean(service, id);
  const [second] = done.destinations;
  expect(second).toMatchObject({ state: 'succeeded', attempts: 2 });
  expect(second?.imageId).not.toBe(first?.imageId);
  const there = await thereIn(service);
  expect(there.images).toEqual([second?.imageId]);
  expect(await taggedSnapshots(service, id)).toEqual(there.snapshots);
});

test('a retry of a copy that was not finished, and whose image is gone by now, does not succeed', async () => {
  service = await startService({ settings: { retryMs: 2000, goneMs: 120_000 } });
  await service.control.fault({
    action: 'ModifyImageAttribute',
    times: 1000,
    error: 'UnauthorizedOperation',
  });
  const permissions = { accounts: ['222222222222'] };
  const { id } = await service.copy({ destinations: [{ region: EU }], permissions });
  const [first] = (await service.untilFinished(id)).destinations;
  expect(first).toMatchObject({ state: 'failed', imageState: 'available' });
  await service.control.clearFaults();
  await service.gateway.deregisterImage(eu, first?.imageId ?? '');

  await retryJob(service, id, TESTER);
  expect((await service.untilFinished(id)).destinations[0]).toMatchObject({
    state: 'failed',
    error: { code: 'copy-disappeared', retryable: true },
  });
  await retryJob(service, id, TESTER);
  expect((await service.untilFinished(id)).destinations[0]).toMatchObject({
    state: 'succeeded',
    attempts: 2,
  });
});
