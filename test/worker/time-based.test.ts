import { afterEach, expect, test } from 'vitest';
import { jobState } from '../../src/domain/job.ts';
import { copyOf, EU, eu } from '../helpers/copies.ts';
import type { Service } from '../helpers/service.ts';
import { startService } from '../helpers/service.ts';

let service: Service;
afterEach(() => service.stop());

const SECOND = 1000;
const settings = { slotRetryMs: 30 * SECOND, pollMs: 5 * SECOND };
const timed = { completionDurationMinutes: 60 };

async function copyTo(name: string, more: object = {}): Promise<string> {
  const { id } = await service.copy({ name, destinations: [{ region: EU }], ...more });
  await service.steps.runDue();
  // A place in the wait queue is a time in milliseconds.
  await service.steps.advance(2);
  return id;
}
const stateOf = async (id: string) => (await copyOf(service, id)).destination.state;

/** Two time-based copies, the second of which EC2 has no throughput for. */
async function withoutThroughput(more: Partial<typeof settings> & { copySlots?: number } = {}) {
  service = await startService({ settings: { ...settings, ...more }, simulator: { copySeconds: 20 } });
  await service.control.settings({ timeBasedCopySlots: 1 });
  const first = await copyTo('first', timed);
  const second = await copyTo('second', timed);
  await service.steps.runDue();
  expect([await stateOf(first), await stateOf(second)]).toEqual(['pending', 'waiting']);
  return { first, second };
}

test('a time-based copy that EC2 has no throughput for holds up no other copy of the region', async () => {
  const { second } = await withoutThroughput();
  const others = [await copyTo('third'), await copyTo('fourth')];
  expect(await Promise.all(others.map(stateOf))).toEqual(['pending', 'pending']);
  expect(await stateOf(second)).toBe('waiting');
  for (const id of [...others, second]) expect(jobState(await service.untilFinished(id))).toBe('succeeded');
  const { errors, copyImage } = await service.control.calls();
  expect(errors['CopyImage']).toEqual({ ResourceLimitExceeded: 1 });
  expect(copyImage).toHaveLength(5);
});

test('an ordinary copy goes first where a slot is free and throughput is not, and keeps its place otherwise', async () => {
  const { first, second } = await withoutThroughput({ copySlots: 2, slotRetryMs: 600 * SECOND });
  const [third, fourth] = [await copyTo('third'), await copyTo('fourth')];
  expect(await Promise.all([third, fourth].map(stateOf))).toEqual(['pending', 'waiting']);
  // The end of the first gives throughput back as well: the second was accepted before the fourth.
  for (const id of [first, second, third, fourth])
    expect(jobState(await service.untilFinished(id))).toBe('succeeded');
  const imageOf = async (id: string) => (await copyOf(service, id)).destination.imageId;
  const { copyImage } = await service.control.calls();
  const made = copyImage.flatMap(({ imageId }) => imageId ?? []);
  expect(made).toEqual(await Promise.all([first, third, second, fourth].map(imageOf)));
});

test('the line is by arrival, whatever kind the copies are of', async () => {
  service = await startService({ settings: { ...settings, copySlots: 1 }, simulator: { copySeconds: 20 } });
  const ids = [
    await copyTo('first'),
    await copyTo('second', timed),
    await copyTo('third'),
    await copyTo('fourth', timed),
  ];
  const limits = { copySlots: 10, calls: { burst: 100, perSecond: 100 } };
  const inLine = await service.store.copySlots.nextWaiting(eu, limits);
  expect(inLine.map(({ jobId }) => jobId)).toEqual(ids.slice(1));
  for (const id of ids) await service.untilFinished(id);
  const called = (await service.control.calls()).copyImage.map(({ parameters }) => parameters['Name']);
  expect(called).toEqual(['first', 'second', 'third', 'fourth']);
});
