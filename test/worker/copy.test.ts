import { OWN } from '../helpers/account.ts';
import { afterEach, describe, expect, test } from 'vitest';
import type { CopyJob, Destination } from '../../src/domain/job.ts';
import { jobState } from '../../src/domain/job.ts';
import { cancelJob } from '../../src/commands/cancel-job.ts';
import { retryJob } from '../../src/commands/retry-job.ts';
import { whileInFlight } from '../helpers/meanwhile.ts';
import type { Service } from '../helpers/service.ts';
import { GOLDEN_WEB, startService, TESTER } from '../helpers/service.ts';

let service: Service;
afterEach(() => service.stop());

const eu = { account: OWN, region: 'eu-west-1' };

function only(job: CopyJob): Destination {
  const [destination] = job.destinations;
  if (destination === undefined) throw new Error('the job has no destination');
  return destination;
}

const states = (job: CopyJob) =>
  Object.fromEntries(job.destinations.map((one) => [one.spec.region, one.state]));

describe('a copy', () => {
  test('goes from pending, with rising progress, to available under an id of its own', async () => {
    service = await startService({ simulator: { copySeconds: 1.5 } });
    expect(await service.gateway.findImages(eu, {})).toEqual([]);
    const { id } = await service.copy({
      name: 'golden-web-eu',
      description: 'for Dublin',
      tags: { release: 'tonight' },
      destinations: [{ region: 'eu-west-1' }],
    });
    const halfway = await service.untilJob(id, (job) => only(job).progress > 0);
    expect(only(halfway)).toMatchObject({ state: 'pending', imageState: 'pending' });
    expect(only(halfway).progress).toBeLessThan(100);
    expect(only(halfway).etaSeconds).toBeGreaterThan(0);

    const done = await service.untilFinished(id);
    expect(jobState(done)).toBe('succeeded');
    const { imageId, progress, etaSeconds, encrypted } = only(done);
    expect({ progress, etaSeconds, encrypted }).toEqual({
      progress: 100,
      etaSeconds: null,
      encrypted: false,
    });
    expect(imageId).not.toBe(GOLDEN_WEB.imageId);

    const image = await service.gateway.describeImage(eu, imageId ?? '');
    expect(image).toMatchObject({
      name: 'golden-web-eu',
      description: 'for Dublin',
      state: 'available',
      public: false,
      source: { imageId: GOLDEN_WEB.imageId, region: GOLDEN_WEB.region },
      tags: {
        team: 'web',
        release: 'tonight',
        'amiferry:job': id,
        'amiferry:source': `us-east-1/${GOLDEN_WEB.imageId}`,
      },
    });
    const snapshots = await service.gateway.findSnapshots(eu, 'amiferry:job', [id]);
    expect(snapshots.length).toBe(image?.snapshots.length);
    expect(snapshots.every(({ tags }) => tags['release'] === 'tonight')).toBe(true);
  });

  test('progress events rise and end with the job', async () => {
    service = await startService({ simulator: { copySeconds: 4 } });
    const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }] });
    await service.untilFinished(id);
    const events = await service.eventLog.read({ jobId: id }, '0', 1000);
    const progress = events
      .filter(({ type }) => type === 'destination.progress')
      .map((one) => one.destination?.progress ?? 0);
    expect(progress.length).toBeGreaterThan(1);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    const types = events.map(({ type }) => type).filter((type) => type !== 'destination.progress');
    expect(types).toEqual([
      'job.queued',
      'job.running',
      'destination.pending',
      'destination.available',
      'destination.succeeded',
      'job.succeeded',
    ]);
  });

  test('is not failed by an id that EC2 does not know yet', async () => {
    service = await startService({ simulator: { consistencyDelayMs: 1000, copySeconds: 0.3 } });
    const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }] });
    expect(jobState(await service.untilFinished(id))).toBe('succeeded');
  });

  test('waits out a storm of throttling with one token and one image', async () => {
    service = await startService();
    await service.control.fault({ action: 'CopyImage', times: 5, error: 'RequestLimitExceeded' });
    const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }] });
    const job = await service.untilFinished(id);
    expect(only(job)).toMatchObject({ state: 'succeeded', attempts: 1 });
    const { copyImage } = await service.control.calls();
    expect(new Set(copyImage.map(({ clientToken }) => clientToken)).size).toBe(1);
    expect(new Set(copyImage.map(({ imageId }) => imageId).filter((one) => one !== null)).size).toBe(1);
  });

  test('makes one image though the answer of CopyImage is lost', async () => {
    service = await startService();
    await service.control.fault({ action: 'CopyImage', times: 3, when: 'after', drop: true });
    const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }] });
    expect(only(await service.untilFinished(id)).state).toBe('succeeded');
    expect(await service.gateway.findImages(eu, {})).toHaveLength(1);
  });
});

describe('one of three regions fails', () => {
  const destinations = [{ region: 'eu-west-1' }, { region: 'us-west-2' }, { region: 'sa-east-1' }];
  const copyFails = {
    reason: 'Copy image failed with an internal error',
    snapshotReason: 'Given key ID is not accessible',
  };

  test('the job is partial, tells both halves of the reason, and retry redoes just that one', async () => {
    service = await startService();
    await service.control.fault({ action: 'CopyImage', region: 'us-west-2', copyFails });
    const { id } = await service.copy({ destinations });
    const partial = await service.untilFinished(id);
    expect(jobState(partial)).toBe('partial');
    expect(states(partial)).toEqual({
      'eu-west-1': 'succeeded',
      'us-west-2': 'failed',
      'sa-east-1': 'succeeded',
    });
    const failed = partial.destinations[1];
    expect(failed?.error).toMatchObject({ code: 'copy-failed', retryable: true });
    expect(failed?.error?.message).toContain(copyFails.reason);
    expect(failed?.error?.message).toContain(copyFails.snapshotReason);

    await retryJob(service, id, TESTER);
    const retried = await service.untilFinished(id);
    expect(jobState(retried)).toBe('succeeded');
    expect(retried.destinations.map(({ attempts }) => attempts)).toEqual([1, 2, 1]);
    const west = { account: OWN, region: 'us-west-2' };
    expect((await service.gateway.findImages(west, {})).map(({ imageId }) => imageId)).toEqual([
      retried.destinations[1]?.imageId,
    ]);
    const { copyImage } = await service.control.calls();
    const tokens = (region: string) =>
      copyImage.filter((one) => one.region === region).map((one) => one.clientToken);
    expect(new Set(tokens('us-west-2')).size).toBe(2);
    expect(tokens('eu-west-1')).toHaveLength(1);
    await expect(retryJob(service, id, TESTER)).rejects.toMatchObject({ code: 'nothing-to-retry' });
  });

  test('onFailure deregister removes the others, snapshots too, and says so', async () => {
    service = await startService({ simulator: { copySeconds: 0.5 } });
    await service.control.fault({ action: 'CopyImage', region: 'us-west-2', copyFails });
    const { id } = await service.copy({ destinations, onFailure: 'deregister' });
    const job = await service.untilFinished(id);
    expect(jobState(job)).toBe('failed');
    expect(states(job)).toEqual({
      'eu-west-1': 'cancelled',
      'us-west-2': 'failed',
      'sa-east-1': 'cancelled',
    });
    expect(job.destinations[0]?.error).toMatchObject({ code: 'rolled-back' });
    await expectNothingIn(['eu-west-1', 'sa-east-1']);

    await retryJob(service, id, TESTER);
    expect(jobState(await service.untilFinished(id))).toBe('succeeded');
  });
});

describe('cancel', () => {
  test('while queued', async () => {
    service = await startService();
    const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }] });
    expect(jobState(await cancelJob(service, id, TESTER))).toBe('cancelled');
    const other = await service.copy({ destinations: [{ region: 'us-west-2' }] });
    await service.untilFinished(other.id);
    await expectNothingIn(['eu-west-1']);
    await expect(cancelJob(service, id, TESTER)).rejects.toMatchObject({ code: 'job-finished' });
  });

  test('while waiting for a slot', async () => {
    service = await startService({ settings: { copySlots: 1 }, simulator: { copySeconds: 2 } });
    const first = await service.copy({ destinations: [{ region: 'eu-west-1' }] });
    await service.untilJob(first.id, (job) => only(job).state === 'pending');
    const second = await service.copy({ destinations: [{ region: 'eu-west-1' }] });
    await service.untilJob(second.id, (job) => only(job).state === 'waiting');
    expect(jobState(await cancelJob(service, second.id, TESTER))).toBe('cancelled');
    expect(jobState(await service.untilFinished(first.id))).toBe('succeeded');
    expect(await service.gateway.findImages(eu, {})).toHaveLength(1);
  });

  test('while pending, even right after CopyImage when EC2 does not know the id yet', async () => {
    service = await startService({ simulator: { copySeconds: 60, consistencyDelayMs: 500 } });
    const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }] });
    await service.untilJob(id, (job) => only(job).state === 'pending');
    await cancelJob(service, id, TESTER);
    const job = await service.untilFinished(id);
    expect(jobState(job)).toBe('cancelled');
    await expectNothingIn(['eu-west-1']);
  });

  test('while CopyImage is in flight', async () => {
    service = await startService({ simulator: { copySeconds: 60 } });
    const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }] });
    whileInFlight(service, 'copyImage', () => cancelJob(service, id, TESTER));
    expect(jobState(await service.untilFinished(id))).toBe('cancelled');
    await expectNothingIn(['eu-west-1']);
  });

  test('after it succeeded is refused', async () => {
    service = await startService({ simulator: { copySeconds: 0.1 } });
    const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }] });
    await service.untilFinished(id);
    await expect(cancelJob(service, id, TESTER)).rejects.toMatchObject({ code: 'job-finished' });
  });
});

async function expectNothingIn(regions: string[]): Promise<void> {
  for (const region of regions) {
    const scope = { account: OWN, region };
    const images = await service.gateway.findImages(scope, {});
    expect(images.filter(({ state }) => state !== 'deregistered')).toEqual([]);
    const jobs = (await service.store.list({ limit: 100 })).jobs.map((job) => job.id);
    expect(await service.gateway.findSnapshots(scope, 'amiferry:job', jobs)).toEqual([]);
  }
}
