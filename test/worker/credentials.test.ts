import { afterEach, describe, expect, test } from 'vitest';
import { cancelJob } from '../../src/commands/cancel-job.ts';
import { retryJob } from '../../src/commands/retry-job.ts';
import { jobState } from '../../src/domain/job.ts';
import { copyOf, EU, eu, thereIn, US } from '../helpers/copies.ts';
import type { Service } from '../helpers/service.ts';
import { startService, TESTER } from '../helpers/service.ts';

let service: Service;
afterEach(() => service.stop());

const destinations = [{ region: EU }, { region: US }];
const permissions = { accounts: ['222222222222'] };
const SECOND = 1000;

/** EC2's words for credentials that it does not know. */
const NOT_VALIDATED = 'AWS was not able to validate the provided access credentials';

/** The account refuses the service's credentials in a region from now on. */
function refuse(action = '*', times = 100_000, error = 'ExpiredToken'): Promise<unknown> {
  const message = error === 'AuthFailure' ? NOT_VALIDATED : error;
  return service.control.fault({ action, region: EU, times, error, message });
}

describe('credentials that expire for a while', () => {
  test.each([
    ['CopyImage', 'ExpiredToken'],
    ['CopyImage', 'AuthFailure'],
    ['DescribeImages', 'ExpiredToken'],
    ['DescribeSnapshots', 'RequestExpired'],
    ['DescribeImageAttribute', 'InvalidClientTokenId'],
    ['ModifyImageAttribute', 'ExpiredToken'],
  ])('fail nothing and roll nothing back: %s answers %s', async (action, error) => {
    service = await startService();
    await refuse(action, 4, error);
    const { id } = await service.copy({ destinations, permissions, onFailure: 'deregister' });
    const done = await service.untilFinished(id);
    expect(done.destinations.map(({ state, attempts }) => [state, attempts])).toEqual([
      ['succeeded', 1],
      ['succeeded', 1],
    ]);
    expect(
      (await service.gateway.launchPermissions(eu, done.destinations[0]?.imageId ?? '')).accounts,
    ).toEqual(permissions.accounts);
    expect((await thereIn(service)).images).toEqual([done.destinations[0]?.imageId]);
  });

  test('do not hide the image of a CopyImage whose answer was lost', async () => {
    service = await startService({ settings: { tokenTrustMs: 0 } });
    await service.control.fault({ action: 'CopyImage', region: EU, times: 2, when: 'after', drop: true });
    await refuse('DescribeImages', 5);
    const { id } = await service.copy({ destinations: [{ region: EU }] });
    const done = await service.untilFinished(id);
    expect(jobState(done)).toBe('succeeded');
    expect((await thereIn(service)).images).toEqual([done.destinations[0]?.imageId]);
  });
});

describe('credentials that stay expired', () => {
  const settings = { credentialsMs: 10 * SECOND, pollMs: 500 };

  test.each([
    ['before the copy has begun', 'CopyImage', { imageId: null }],
    ['while EC2 copies', 'DescribeImages', { imageState: 'pending' }],
    ['while the copy is shared', 'ModifyImageAttribute', { imageState: 'available' }],
  ])(
    '%s end one destination, keep the others, and a retry resumes the same attempt',
    async (_, action, left) => {
      service = await startService({ settings });
      await refuse(action);
      const { id } = await service.copy({ destinations, permissions, onFailure: 'deregister' });
      const started = service.store.now();
      const failed = await service.untilFinished(id);
      expect(jobState(failed)).toBe('partial');
      const [lost, other] = failed.destinations;
      expect(lost).toMatchObject({ state: 'failed', ...left });
      expect(lost?.error).toMatchObject({
        code: 'account-not-reachable',
        retryable: true,
        awsCode: 'ExpiredToken',
      });
      expect((lost?.finishedAt ?? 0) - started).toBeGreaterThanOrEqual(settings.credentialsMs);
      expect(other).toMatchObject({ state: 'succeeded', stopping: null });

      await service.control.clearFaults();
      await retryJob(service, id, TESTER);
      const done = await service.untilFinished(id);
      expect(jobState(done)).toBe('succeeded');
      expect(done.destinations[0]).toMatchObject({ attempts: 1, error: null });
      if (lost?.imageId !== null) expect(done.destinations[0]?.imageId).toBe(lost?.imageId);
      expect((await thereIn(service)).images).toEqual([done.destinations[0]?.imageId]);
    },
  );

  test('end a removal too, which says what is left', async () => {
    service = await startService({ settings, simulator: { copySeconds: 60 } });
    const { id } = await service.copy({ destinations: [{ region: EU }] });
    await service.untilJob(id, ({ destinations: [one] }) => one?.state === 'pending');
    await refuse();
    await cancelJob(service, id, TESTER);
    const [one] = (await service.untilFinished(id)).destinations;
    expect(one).toMatchObject({ state: 'failed', stopping: null, error: { code: 'account-not-reachable' } });
    expect(one?.error?.message).toContain(one?.imageId);
  });

  test('are counted from the first refusal without an answer in between', async () => {
    service = await startService({ settings, simulator: { copySeconds: 3600 } });
    const { id } = await service.copy({ destinations: [{ region: EU }] });
    await service.untilJob(id, ({ destinations: [one] }) => one?.state === 'pending');
    for (let outage = 0; outage < 3; outage += 1) {
      await refuse();
      await service.untilJob(id, ({ destinations: [one] }) => one?.unreachableSince != null);
      await service.steps.advance(settings.credentialsMs / 2);
      await service.steps.runDue();
      await service.control.clearFaults();
      await service.untilJob(id, ({ destinations: [one] }) => one?.unreachableSince === null);
    }
    expect((await copyOf(service, id)).destination).toMatchObject({ state: 'pending', error: null });
  });
});

describe('an unknown outcome of CopyImage', () => {
  /** The answers of CopyImage are lost, and EC2 does not show the image for a while. */
  async function loseAnswers(): Promise<string> {
    service = await startService({
      settings: { lostCopyMs: 15 * SECOND, goneMs: 6 * SECOND, pollMs: 500 },
      simulator: { consistencyDelayMs: 12 * SECOND, copySeconds: 3600 },
    });
    // The step may be due again at once: its backoff is random.
    await service.control.fault({
      action: 'CopyImage',
      region: EU,
      times: 100_000,
      when: 'after',
      drop: true,
    });
    const { id } = await service.copy({ destinations: [{ region: EU }] });
    await service.steps.runDue();
    await service.control.clearFaults();
    expect((await copyOf(service, id)).destination).toMatchObject({ state: 'queued', imageId: null });
    return id;
  }

  test.each([
    ['credentials that have expired', 'ExpiredToken', 1],
    ['a refusal', 'UnauthorizedOperation', 1000],
    ['a full region', 'ResourceLimitExceeded', 1000],
  ])('is not settled for a cancel by %s: the image is removed once EC2 shows it', async (_, error, times) => {
    const id = await loseAnswers();
    await service.control.fault({ action: 'CopyImage', region: EU, times, error });
    await cancelJob(service, id, TESTER);
    const done = await service.untilFinished(id);
    expect(jobState(done)).toBe('cancelled');
    await service.steps.advance(60 * SECOND);
    expect((await thereIn(service)).images).toEqual([]);
    expect((await service.control.calls()).copyImage.some(({ imageId }) => imageId !== null)).toBe(true);
  });

  test('is settled before the destination fails: the image is taken up once EC2 shows it', async () => {
    const id = await loseAnswers();
    await service.control.fault({
      action: 'CopyImage',
      region: EU,
      times: 100_000,
      error: 'UnauthorizedOperation',
    });
    const pending = await service.untilJob(id, ({ destinations: [one] }) => one?.imageId !== null);
    expect(pending.destinations[0]).toMatchObject({ state: 'pending', attempts: 1, error: null });
    expect((await thereIn(service)).images).toEqual([pending.destinations[0]?.imageId]);
  });

  test('ends in `failed` where EC2 shows nothing for LOST_COPY_SECONDS, and in `cancelled` for a cancel', async () => {
    const lostCopyMs = 15 * SECOND;
    service = await startService({ settings: { lostCopyMs, goneMs: 6 * SECOND, pollMs: 500 } });
    for (const [i, ended] of (['failed', 'cancelled'] as const).entries()) {
      await service.control.fault({ action: 'CopyImage', region: EU, times: 2, drop: true });
      await service.control.fault({
        action: 'CopyImage',
        region: EU,
        times: 100_000,
        error: 'UnauthorizedOperation',
      });
      const { id } = await service.copy({ destinations: [{ region: EU }], name: `copy-${i}` });
      await service.steps.runDue();
      const began = service.store.now();
      if (ended === 'cancelled') await cancelJob(service, id, TESTER);
      const [one] = (await service.untilFinished(id)).destinations;
      expect(one?.state).toBe(ended);
      expect((one?.finishedAt ?? 0) - began).toBeGreaterThanOrEqual(lostCopyMs - 1000);
      await service.control.clearFaults();
    }
  });

  test('says that it could not be looked up where looking is refused', async () => {
    const id = await loseAnswers();
    for (const action of ['CopyImage', 'DescribeImages'])
      await service.control.fault({ action, region: EU, times: 100_000, error: 'UnauthorizedOperation' });
    const [one] = (await service.untilFinished(id)).destinations;
    expect(one).toMatchObject({ state: 'failed', error: { code: 'ec2-access-denied' } });
    expect(one?.error?.message).toContain('Whether an earlier call made an image could not be looked up');
  });
});

describe('looks at pending copies that EC2 refuses', () => {
  const settings = { credentialsMs: 10 * SECOND, pollMs: 500 };

  test.each(['UnauthorizedOperation', 'OptInRequired', 'InvalidParameterValue'])(
    'for long end them with what EC2 said, roll nothing back, and a retry takes them up again: %s',
    async (error) => {
      service = await startService({ settings });
      await refuse('DescribeImages', 100_000, error);
      const { id } = await service.copy({ destinations, onFailure: 'deregister' });
      const [lost, other] = (await service.untilFinished(id)).destinations;
      expect(lost).toMatchObject({
        state: 'failed',
        attempts: 1,
        error: { code: 'account-not-reachable', awsCode: error, retryable: true },
      });
      expect(other).toMatchObject({ state: 'succeeded' });
      await service.control.clearFaults();
      await retryJob(service, id, TESTER);
      expect((await service.untilFinished(id)).destinations[0]).toMatchObject({
        state: 'succeeded',
        attempts: 1,
        imageId: lost?.imageId,
      });
    },
  );

  test('for a while end nothing', async () => {
    service = await startService({ settings });
    await refuse('DescribeImages', 5, 'UnauthorizedOperation');
    const { id } = await service.copy({ destinations });
    expect(jobState(await service.untilFinished(id))).toBe('succeeded');
  });
});
