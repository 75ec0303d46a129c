import { afterEach, expect, test } from 'vitest';
import { jobState } from '../../src/domain/job.ts';
import { presentJob } from '../../src/http/present.ts';
import { EU, thereIn, untilClean, US } from '../helpers/copies.ts';
import type { Service } from '../helpers/service.ts';
import { startService } from '../helpers/service.ts';

let service: Service;
afterEach(() => service.stop());

const REASON =
  'Too many snapshot copies in progress. The limit is 20 in-progress snapshot copies to a single destination region.';
const SECOND = 1000;
const settings = { slotRetryMs: 5 * SECOND, pollMs: 5 * SECOND, retryMs: 900 * SECOND };
const TO_IRELAND = { destinations: [{ region: EU }] };

async function presented(id: string) {
  const job = await service.untilFinished(id);
  return presentJob(job, { now: service.store.now(), isWorkerRunning: true, deliveries: new Map() })
    .destinations?.[0];
}

test('a copy that EC2 accepts and has no room for waits again, and succeeds as the same attempt', async () => {
  service = await startService({ settings, simulator: { copySeconds: 10 } });
  const copyFails = { reason: 'Copy image failed with an internal error', snapshotReason: REASON };
  await service.control.fault({ action: 'CopyImage', region: EU, copyFails });
  const { id } = await service.copy({
    destinations: [{ region: EU }, { region: US }],
    onFailure: 'deregister',
  });
  const waiting = await service.untilJob(id, ({ destinations: [one] }) => one?.state === 'waiting');
  expect(waiting.destinations[0]).toMatchObject({ error: null, imageId: null, progress: 0 });
  const done = await service.untilFinished(id);
  expect(jobState(done)).toBe('succeeded');
  // A token of its own: the first one gives the image that failed.
  const tokens = (await service.control.calls()).copyImage
    .filter(({ region }) => region === EU)
    .map(({ clientToken }) => clientToken);
  expect(new Set(tokens).size).toBe(2);
  expect(await presented(id)).toMatchObject({ state: 'succeeded', attempts: 1 });
  const clean = await untilClean(service, id);
  expect((await thereIn(service)).images).toEqual([clean.destinations[0]?.imageId]);
  expect(clean.warnings).toEqual([]);
});

test('copies at once stay within the limit that EC2 shows so, and all of them are made', async () => {
  const copies = 8;
  service = await startService({ settings, simulator: { copySeconds: 30 } });
  // Two snapshots each: two of these copies at once, which is less than the limit that EC2 tells.
  await service.control.settings({ snapshotCopySlots: 4, snapshotCopyLimit: 'fails' });
  const ids: string[] = [];
  for (let i = 0; i < copies; i += 1) ids.push((await service.copy({ ...TO_IRELAND, name: `copy ${i}` })).id);
  const jobs = [];
  for (const id of ids) jobs.push(await service.untilFinished(id));
  expect(jobs.map(jobState)).toEqual(jobs.map(() => 'succeeded'));
  for (const id of ids) await untilClean(service, id);
  expect((await thereIn(service)).images).toHaveLength(copies);
  // Those that were under way at first, and failed, were called twice; hardly any more than that.
  const called = (await service.control.calls()).copyImage.length;
  expect(called).toBeGreaterThan(copies);
  expect(called).toBeLessThanOrEqual(2 * copies);
});

test('for a day EC2 may have no room; then the copy fails with its reason', async () => {
  // 96 times RETRY_SECONDS, which is a day where that is 900.
  const retryMs = 2 * SECOND;
  service = await startService({
    settings: { ...settings, retryMs, slotRetryMs: 30 * SECOND },
    simulator: { copySeconds: 10 },
  });
  await service.control.fault({
    action: 'CopyImage',
    times: 1000,
    copyFails: { reason: 'failed', snapshotReason: REASON },
  });
  const { id, createdAt } = await service.copy(TO_IRELAND);
  const one = await presented(id);
  expect(one).toMatchObject({ state: 'failed', attempts: 1, error: { code: 'copy-failed' } });
  expect(one?.error?.message).toContain(REASON);
  const ended = Date.parse(one?.finishedAt ?? '') - createdAt;
  expect(ended).toBeGreaterThanOrEqual(96 * retryMs);
});

test('any other reason is final at once', async () => {
  service = await startService({ settings });
  await service.control.fault({
    action: 'CopyImage',
    copyFails: { reason: 'failed', snapshotReason: 'Given key ID is not accessible' },
  });
  const { id } = await service.copy(TO_IRELAND);
  expect(await presented(id)).toMatchObject({ state: 'failed', attempts: 1 });
  expect((await service.control.calls()).copyImage).toHaveLength(1);
});
