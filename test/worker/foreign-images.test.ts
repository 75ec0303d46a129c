import { afterEach, expect, test } from 'vitest';
import { cancelJob } from '../../src/commands/cancel-job.ts';
import { retryJob } from '../../src/commands/retry-job.ts';
import { jobState } from '../../src/domain/job.ts';
import { copyOf, EU, taggedSnapshots, thereIn, untilClean, US } from '../helpers/copies.ts';
import { begin, onCopy } from '../helpers/transitions.ts';
import type { Service } from '../helpers/service.ts';
import { GOLDEN_WEB, startService, TESTER } from '../helpers/service.ts';

let service: Service;
afterEach(() => service.stop());

const FOREIGN = 'ami-0f00000000000000f';
const SNAPSHOT = 'snap-0f00000000000000f';

/** An image that this service did not make, with the tags of a copy: they travelled, or somebody set them. */
async function addForeignImage(id: string): Promise<void> {
  const tags = {
    'amiferry:job': id,
    'amiferry:attempt': '1',
    'amiferry:source': `${GOLDEN_WEB.region}/${GOLDEN_WEB.imageId}`,
  };
  const snapshots = [{ snapshotId: SNAPSHOT, sizeGiB: 8, tags }];
  await service.control.addImage({ region: EU, imageId: FOREIGN, tags, snapshots });
}

/** Nothing but the foreign image is left in the region, and all of that. */
async function expectOnlyForeign(id: string): Promise<void> {
  expect(await thereIn(service)).toEqual({ images: [FOREIGN], snapshots: [SNAPSHOT] });
  expect(await taggedSnapshots(service, id)).toEqual([SNAPSHOT]);
}

test('a cancel removes its own image and snapshots, and nothing that only carries its tags', async () => {
  service = await startService({ simulator: { copySeconds: 60 } });
  const { id } = await service.copy({ destinations: [{ region: EU }] });
  await service.untilJob(id, ({ destinations: [one] }) => one?.state === 'pending');
  await addForeignImage(id);
  await cancelJob(service, id, TESTER);
  expect(jobState(await service.untilFinished(id))).toBe('cancelled');
  await expectOnlyForeign(id);
});

test('a rollback, and the retry after it, leave alone what only carries the tags of the job', async () => {
  service = await startService();
  const copyFails = { reason: 'Copy image failed with an internal error' };
  await service.control.fault({ action: 'CopyImage', region: US, copyFails });
  const { id } = await service.copy({
    destinations: [{ region: EU }, { region: US }],
    onFailure: 'deregister',
  });
  await addForeignImage(id);
  expect(jobState(await service.untilFinished(id))).toBe('failed');
  await expectOnlyForeign(id);

  await retryJob(service, id, TESTER);
  const done = await service.untilFinished(id);
  await untilClean(service, id);
  expect(jobState(done)).toBe('succeeded');
  const there = await thereIn(service);
  expect(there.images).toHaveLength(2);
  expect(there.images).toEqual(expect.arrayContaining([FOREIGN, done.destinations[0]?.imageId]));
  expect(there.snapshots).toContain(SNAPSHOT);
});

test('an endpoint that ignores filters has nothing else removed', async () => {
  service = await startService({ simulator: { copySeconds: 60 } });
  const { id: other } = await service.copy({ destinations: [{ region: EU }], name: 'other' });
  const { id } = await service.copy({ destinations: [{ region: EU }] });
  await service.untilJob(id, ({ destinations: [one] }) => one?.state === 'pending');
  const before = await service.untilJob(other, ({ destinations: [one] }) => one?.state === 'pending');
  for (const action of ['DescribeImages', 'DescribeSnapshots'])
    await service.control.fault({ action, region: EU, times: 1000, ignoresFilters: true });
  await cancelJob(service, id, TESTER);
  expect(jobState(await service.untilFinished(id))).toBe('cancelled');
  await service.control.clearFaults();
  expect((await thereIn(service)).images).toEqual([before.destinations[0]?.imageId]);
  expect(jobState(await service.untilFinished(other))).toBe('succeeded');
});

test('an image without the source of the job is not taken for its copy', async () => {
  service = await startService({ settings: { tokenTrustMs: 0 } });
  const { id } = await service.copy({ destinations: [{ region: EU }] });
  await service.store.update(id, onCopy(begin(EU)));
  await addForeignImage(id);
  await service.steps.advance(60_000);
  const done = await service.untilFinished(id);
  expect(jobState(done)).toBe('succeeded');
  expect((await copyOf(service, id)).destination.imageId).not.toBe(FOREIGN);
});
