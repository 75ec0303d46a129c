import { afterEach, expect, test } from 'vitest';
import { jobState } from '../../src/domain/job.ts';
import type { Service } from '../helpers/service.ts';
import { startService } from '../helpers/service.ts';

let service: Service;
afterEach(() => service.stop());

const REGIONS = [
  'us-east-2',
  'us-west-1',
  'us-west-2',
  'ap-south-1',
  'ap-northeast-1',
  'ap-northeast-2',
  'ap-northeast-3',
  'ap-southeast-1',
  'ap-southeast-2',
  'ca-central-1',
  'eu-central-1',
  'eu-west-1',
  'eu-west-2',
  'eu-west-3',
  'eu-north-1',
  'sa-east-1',
  'us-east-1',
];

async function copyAll(requests: { region: string; kmsKeyId?: string }[][]): Promise<string[]> {
  const jobs = await Promise.all(requests.map((destinations) => service.copy({ destinations })));
  return jobs.map(({ id }) => id);
}

async function expectAllSucceeded(ids: string[]): Promise<void> {
  for (const id of ids) expect(jobState(await service.untilFinished(id))).toBe('succeeded');
}

async function describesIn(region: string): Promise<number> {
  return (await service.control.calls()).calls['DescribeImages']?.[region] ?? 0;
}

/** How often a region may have been polled since, in the service's own time. */
function ticksSince(began: number): number {
  return Math.ceil((service.store.now() - began) / service.settings.pollMs) + 1;
}

test('50 copies into one region take as many DescribeImages as one copy does: by ticks, not by copies', async () => {
  service = await startService({ settings: { pollMs: 30_000 }, simulator: { copySeconds: 120 } });
  const began = service.store.now();
  await expectAllSucceeded(await copyAll(Array.from({ length: 50 }, () => [{ region: 'eu-west-1' }])));
  expect(await describesIn('eu-west-1')).toBeLessThanOrEqual(ticksSince(began));
});

test('17 regions with 4 copies each: every region is described by its own ticks', async () => {
  service = await startService({ settings: { pollMs: 30_000 }, simulator: { copySeconds: 120 } });
  const everywhere = REGIONS.map((region) =>
    region === 'us-east-1' ? { region, kmsKeyId: 'alias/ami' } : { region },
  );
  const began = service.store.now();
  await expectAllSucceeded(await copyAll(Array.from({ length: 4 }, () => everywhere)));
  // The source's region is also asked about the source, once a request.
  for (const region of REGIONS) {
    const sourceLooks = region === 'us-east-1' ? 4 : 0;
    expect(await describesIn(region)).toBeLessThanOrEqual(ticksSince(began) + sourceLooks);
  }
});

test('never more copies at once than there are slots, first come first served, and no region holds up another', async () => {
  service = await startService({ settings: { copySlots: 5 }, simulator: { copySeconds: 20 } });
  const crowded = await copyAll(Array.from({ length: 15 }, () => [{ region: 'eu-west-1' }]));
  const [alone = ''] = await copyAll([[{ region: 'us-west-2' }]]);
  const other = await service.untilFinished(alone);
  await expectAllSucceeded(crowded);
  const { peakCopies, copyImage } = await service.control.calls();
  expect(peakCopies['111111111111/eu-west-1']).toBe(5);
  const last = await service.store.get(crowded.at(-1) ?? '');
  expect(other.finishedAt).toBeLessThan(last?.finishedAt ?? 0);

  const started = copyImage
    .filter(({ region }) => region === 'eu-west-1')
    .map((call) => jobOf(call.parameters));
  // The first got the slots without a line. Those who were accepted in the same millisecond are in line by their ids.
  const inLine = started.slice(5);
  const places = await Promise.all(
    inLine.map(async (id) => `${(await service.store.get(id))?.createdAt} ${id}`),
  );
  const position = new Map(places.toSorted().map((place, i) => [place.split(' ')[1], i]));
  // Within the slots that are filled at once the order is open; across them it is that of the line.
  inLine.forEach((id, i) => expect(Math.abs((position.get(id) ?? 0) - i)).toBeLessThan(5));
});

test('a region that EC2 itself calls full makes its copies wait, and they go on when a slot frees', async () => {
  service = await startService({ simulator: { copySeconds: 0.5, copySlots: 3 } });
  const ids = await copyAll(Array.from({ length: 8 }, () => [{ region: 'eu-west-1' }]));
  await expectAllSucceeded(ids);
  const { errors, copyImage } = await service.control.calls();
  expect(errors['CopyImage']?.['ResourceLimitExceeded']).toBeGreaterThan(0);
  expect(new Set(copyImage.map(({ imageId }) => imageId).filter((id) => id !== null)).size).toBe(8);
});

function jobOf(parameters: Readonly<Record<string, string>>): string {
  const key = Object.entries(parameters).find(([, value]) => value === 'amiferry:job')?.[0] ?? '';
  return parameters[key.replace(/Key$/, 'Value')] ?? '';
}
