import { keyIn } from '../helpers/account.ts';
import { afterEach, describe, expect, test } from 'vitest';
import { cancelJob } from '../../src/commands/cancel-job.ts';
import type { CopyImageParams } from '../../src/aws/ec2/gateway.ts';
import type { Scope } from '../../src/domain/ami.ts';
import { callCopyImage } from '../../src/worker/call-copy-image.ts';
import type { WorkerDeps } from '../../src/worker/deps.ts';
import { removeCopy } from '../../src/worker/remove-copy.ts';
import { copyOf, EU, eu, pausedAfterReading, thereIn, untilClean } from '../helpers/copies.ts';
import { retryJob } from '../../src/commands/retry-job.ts';
import { failureBecause } from '../../src/worker/failure.ts';
import { begin, fail, onCopy } from '../helpers/transitions.ts';
import type { Service } from '../helpers/service.ts';
import { startService, TESTER } from '../helpers/service.ts';

const PLENTY = { copySlots: 100, calls: { burst: 100, perSecond: 100 } };

let service: Service;
afterEach(() => service.stop());

/** A copy whose intent is saved and that no worker has called for yet, as the worker that is about to call has it. */
async function begun() {
  const { id } = await service.copy({ destinations: [{ region: EU }] });
  await service.store.update(id, onCopy(begin(EU)));
  return { id, before: await copyOf(service, id) };
}

/** A worker whose CopyImage is answered only after something else has happened. */
function slowAnswer(deps: WorkerDeps, meanwhile: () => Promise<unknown>): WorkerDeps {
  const gateway = new Proxy(deps.gateway, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'copyImage') return value.bind(target);
      return async (scope: Scope, params: CopyImageParams, paid?: boolean) => {
        const imageId = await target.copyImage(scope, params, paid);
        await meanwhile();
        return imageId;
      };
    },
  });
  return { ...deps, gateway };
}

test('an image that a paused removal makes by asking what became of a call is removed', async () => {
  service = await startService();
  const { id } = await begun();
  await service.control.fault({
    action: 'CopyImage',
    region: EU,
    times: 1000,
    error: 'ResourceLimitExceeded',
  });
  await cancelJob(service, id, TESTER);
  const before = await copyOf(service, id);
  expect((await service.untilFinished(id)).destinations[0]).toMatchObject({ state: 'cancelled' });
  await service.control.clearFaults();

  const paused = pausedAfterReading(service.workerDeps, before.job);
  await removeCopy(paused, { v: 2, jobId: id, destination: keyIn(EU), attempt: 1 });
  await untilClean(service, id);
  expect(await thereIn(service)).toEqual({ images: [], snapshots: [] });
});

describe.each(['RequestLimitExceeded', 'ResourceLimitExceeded', 'UnauthorizedOperation'])('%s', (error) => {
  test('of the first call, paused until another worker has called, does not take the copy from that one', async () => {
    service = await startService({ simulator: { copySeconds: 30 } });
    const { id, before } = await begun();
    const first = () => callCopyImage(service.workerDeps, before.job, before.destination, { fresh: true });
    const second = slowAnswer(service.workerDeps, async () => {
      await service.control.fault({ action: 'CopyImage', region: EU, error });
      await first();
    });
    const { job, destination } = await copyOf(service, id);
    await callCopyImage(second, job, destination);
    const made = (await thereIn(service)).images;
    const [one] = (await service.untilFinished(id)).destinations;
    await untilClean(service, id);
    expect(one).toMatchObject({ state: 'succeeded', attempts: 1, imageId: made[0] });
    expect((await thereIn(service)).images).toEqual(made);
  });
});

describe('a copy that waits though a call of it made an image that EC2 does not show yet', () => {
  /** Two calls whose answers are lost, and then a full region. */
  async function inLine(): Promise<{ id: string; before: Awaited<ReturnType<typeof copyOf>> }> {
    service = await startService({ settings: { slotRetryMs: 60_000 } });
    const made = { action: 'CopyImage', region: EU };
    await service.control.fault({ ...made, times: 2, when: 'after', drop: true, consistencyDelayMs: 4000 });
    await service.control.fault({ ...made, times: 1000, error: 'ResourceLimitExceeded' });
    const { id } = await service.copy({ destinations: [{ region: EU }] });
    const before = await copyOf(service, id);
    await service.untilJob(id, ({ destinations: [one] }) => one?.state === 'waiting');
    return { id, before };
  }

  test('is cancelled only when that is removed', async () => {
    const { id } = await inLine();
    await cancelJob(service, id, TESTER);
    expect((await service.untilFinished(id)).destinations[0]).toMatchObject({ state: 'cancelled' });
    await untilClean(service, id);
    expect(await thereIn(service)).toEqual({ images: [], snapshots: [] });
    expect((await service.store.copySlots.nextWaiting(eu, PLENTY)).length).toBe(0);
  });

  test('takes it up where the answer comes late', async () => {
    const { id, before } = await inLine();
    await service.control.clearFaults();
    await callCopyImage(service.workerDeps, before.job, before.destination, { fresh: true });
    const { destination } = await copyOf(service, id);
    expect(destination).toMatchObject({ state: 'pending', attempts: 1 });
    const [one] = (await service.untilFinished(id)).destinations;
    expect(one).toMatchObject({ state: 'succeeded', imageId: destination.imageId });
    expect((await thereIn(service)).images).toEqual([one?.imageId]);
  });
});

test('a copy that waits though a call of it may have made its image makes no second one', async () => {
  service = await startService();
  const made = { action: 'CopyImage', region: EU };
  await service.control.fault({ ...made, times: 2, when: 'after', drop: true, consistencyDelayMs: 4000 });
  await service.control.fault({ ...made, error: 'ResourceLimitExceeded' });
  const { id } = await service.copy({ destinations: [{ region: EU }] });
  await service.untilJob(id, ({ destinations: [one] }) => one?.state === 'waiting');
  // It waits in line for longer than EC2 remembers a token.
  await service.steps.advance(4000);
  await service.control.settings({ tokenMemorySeconds: 0 });
  const [one] = (await service.untilFinished(id)).destinations;
  expect(one).toMatchObject({ state: 'succeeded' });
  expect((await thereIn(service)).images).toEqual([one?.imageId]);
});

test('an answer without an end to a call that was paused for long does not say that nothing was made', async () => {
  service = await startService({ settings: { tokenTrustMs: 600_000 } });
  const { id, before } = await begun();
  await service.steps.advance(service.settings.retryMs);
  await service.control.fault({ action: 'CopyImage', region: EU, when: 'after', html: true, status: 403 });
  await callCopyImage(service.workerDeps, before.job, before.destination, { fresh: true });
  const [one] = (await service.untilFinished(id)).destinations;
  expect(one).toMatchObject({ state: 'succeeded' });
  expect((await thereIn(service)).images).toEqual([one?.imageId]);
});

test('an image that came after its attempt was given up, and was removed, is not what a retry goes on with', async () => {
  service = await startService({ simulator: { copySeconds: 30 } });
  const { id, before } = await begun();
  const unreachable = failureBecause('account-not-reachable', 'for a test');
  await service.store.update(id, onCopy(fail(EU, unreachable)));
  await callCopyImage(service.workerDeps, before.job, before.destination, { fresh: true });
  await untilClean(service, id);
  await retryJob(service, id, TESTER);
  const [one] = (await service.untilFinished(id)).destinations;
  expect(one).toMatchObject({ state: 'succeeded', attempts: 2 });
  expect((await thereIn(service)).images).toEqual([one?.imageId]);
});
