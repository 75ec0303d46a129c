import { afterEach, describe, expect, test } from 'vitest';
import { jobState } from '../../src/domain/job.ts';
import { copyOf, EU, eu, thereIn } from '../helpers/copies.ts';
import type { Service } from '../helpers/service.ts';
import { startService } from '../helpers/service.ts';

let service: Service;
afterEach(() => service.stop());

const SECOND = 1000;
const settings = { lostCopyMs: 10 * SECOND, goneMs: 120 * SECOND, pollMs: 5 * SECOND, retryMs: 60 * SECOND };

/** A pending copy that is older than LOST_COPY_SECONDS. */
async function oldCopy(copySeconds = 600): Promise<{ id: string; imageId: string }> {
  service = await startService({ settings, simulator: { copySeconds } });
  const { id } = await service.copy({ destinations: [{ region: EU }] });
  const job = await service.untilJob(id, ({ destinations: [one] }) => one?.state === 'pending');
  await service.steps.advance(2 * settings.lostCopyMs);
  return { id, imageId: job.destinations[0]?.imageId ?? '' };
}

function notFound(imageId: string, times: number): Promise<unknown> {
  const message = `The image id '[${imageId}]' does not exist`;
  return service.control.fault({
    action: 'DescribeImages',
    region: EU,
    times,
    error: 'InvalidAMIID.NotFound',
    message,
  });
}

describe('a live copy is not ended', () => {
  test('by a single NotFound', async () => {
    const { id, imageId } = await oldCopy();
    await notFound(imageId, 1);
    await service.untilJob(id, ({ destinations: [one] }) => one?.unseen != null);
    await service.untilJob(id, ({ destinations: [one] }) => one?.unseen === null);
    const done = await service.untilFinished(id);
    expect(done.destinations[0]).toMatchObject({ state: 'succeeded', attempts: 1, imageId });
  });

  test('by several empty answers in less than two minutes', async () => {
    const { id, imageId } = await oldCopy();
    for (const action of ['DescribeImages', 'DescribeSnapshots'])
      await service.control.fault({ action, region: EU, times: 12, empty: true });
    await service.untilJob(id, ({ destinations: [one] }) => (one?.unseen?.polls ?? 0) >= 3);
    await service.control.clearFaults();
    const done = await service.untilFinished(id);
    expect(done.destinations[0]).toMatchObject({ state: 'succeeded', attempts: 1, imageId });
  });

  test('by an endpoint that ignores the filter on the state', async () => {
    const { id, imageId } = await oldCopy();
    await service.control.fault({
      action: 'DescribeImages',
      region: EU,
      times: 100_000,
      ignoresFilters: true,
    });
    const done = await service.untilFinished(id);
    expect(done.destinations[0]).toMatchObject({ state: 'succeeded', attempts: 1, imageId });
  });

  test.each(['pending', 'transient'])('by the state %s', async (state) => {
    const { id, imageId } = await oldCopy();
    await service.control.setState(imageId, state);
    await service.control.fault({ action: 'DescribeImages', region: EU, times: 5, ignoresFilters: true });
    await service.steps.advance(30 * SECOND);
    await service.steps.runDue();
    expect((await copyOf(service, id)).destination).toMatchObject({ state: 'pending', error: null });
    await service.control.setState(imageId, 'available');
    expect(jobState(await service.untilFinished(id))).toBe('succeeded');
  });

  test.each([
    ['DescribeImages', 403],
    ['DescribeSnapshots', 403],
    ['DescribeImageAttribute', 403],
    ['ModifyImageAttribute', 403],
    ['DescribeImages', 200],
  ])("by a firewall's page in place of %s, status %i", async (action, status) => {
    service = await startService({ settings, simulator: { copySeconds: 60 } });
    await service.control.fault({ action, region: EU, html: true, ...(status === 200 ? {} : { status }) });
    const permissions = { accounts: ['222222222222'] };
    const { id } = await service.copy({ destinations: [{ region: EU }], permissions });
    const done = await service.untilFinished(id);
    expect(done.destinations[0]).toMatchObject({ state: 'succeeded', attempts: 1 });
  });

  test.each([403, 200])(
    "by a firewall's page in place of the answer of CopyImage, status %i",
    async (status) => {
      service = await startService({ settings, simulator: { copySeconds: 60 } });
      const page = { html: true, ...(status === 200 ? {} : { status }) };
      await service.control.fault({ action: 'CopyImage', region: EU, when: 'after', ...page });
      const { id } = await service.copy({ destinations: [{ region: EU }] });
      const done = await service.untilFinished(id);
      expect(done.destinations[0]).toMatchObject({ state: 'succeeded', attempts: 1 });
      expect((await thereIn(service)).images).toEqual([done.destinations[0]?.imageId]);
    },
  );
});

test.each(['ModifyImageAttribute', 'DescribeImageAttribute'])(
  'an old copy is shared though %s answers NotFound once',
  async (action) => {
    service = await startService({ settings, simulator: { copySeconds: 60 } });
    const permissions = { accounts: ['222222222222'] };
    const { id } = await service.copy({ destinations: [{ region: EU }], permissions });
    await service.untilJob(id, ({ destinations: [one] }) => one?.state === 'available');
    await service.steps.advance(2 * settings.lostCopyMs);
    await service.control.fault({ action, region: EU, error: 'InvalidAMIID.NotFound' });
    const [one] = (await service.untilFinished(id)).destinations;
    expect(one).toMatchObject({ state: 'succeeded', attempts: 1 });
    const { accounts } = await service.gateway.launchPermissions(eu, one?.imageId ?? '');
    expect(accounts).toEqual(permissions.accounts);
  },
);

test('a copy whose image is gone ends after three looks over two minutes, and blames nobody', async () => {
  const { id, imageId } = await oldCopy(100_000);
  await service.gateway.deregisterImage(eu, imageId);
  const began = service.store.now();
  const [one] = (await service.untilFinished(id)).destinations;
  expect(one).toMatchObject({ state: 'failed', error: { code: 'copy-disappeared', retryable: true } });
  expect((one?.finishedAt ?? 0) - began).toBeGreaterThanOrEqual(settings.goneMs);
  expect(one?.error?.message).toContain(imageId);
  expect(one?.error?.message).not.toMatch(/somebody/);
});
