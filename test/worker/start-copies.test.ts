import { keyIn } from '../helpers/account.ts';
import { afterEach, expect, test } from 'vitest';
import { clientToken } from '../../src/domain/copy-token.ts';
import type { CopyJob } from '../../src/domain/job.ts';
import { destinationKey, destinationScope, jobState } from '../../src/domain/job.ts';
import { beginOrPark, onCopy } from '../helpers/transitions.ts';
import type { UpdateOutcome } from '../../src/store/store.ts';
import { startLimits } from '../../src/worker/wait-queue.ts';
import { whileInFlight } from '../helpers/meanwhile.ts';
import type { Service } from '../helpers/service.ts';
import { startService } from '../helpers/service.ts';

let service: Service;
afterEach(() => service.stop());

const REGIONS = ['eu-west-1', 'us-west-2', 'sa-east-1'];
const destinations = REGIONS.map((region) => ({ region }));

async function tokensCalled(): Promise<string[]> {
  const { copyImage } = await service.control.calls();
  return copyImage.map((call) => String(call.clientToken)).toSorted();
}

const tokensOf = (id: string) => REGIONS.map((region) => clientToken(id, keyIn(region), 1)).toSorted();

async function savedCopy(id: string): Promise<CopyJob> {
  const job = await service.store.get(id);
  if (job?.kind !== 'copy') throw new Error(`there is no copy ${id}`);
  return job;
}

/** What the step does before it calls. */
function begin(job: CopyJob): Promise<UpdateOutcome> {
  const destinations = job.destinations.map((one) => ({
    destination: destinationKey(one),
    scope: destinationScope(one),
  }));
  const request = { job, destinations, limits: startLimits(service.settings) };
  return service.store.updateWithSlots(request, (current, now, refused) =>
    onCopy(beginOrPark(job.destinations.map(destinationKey), refused))(current, now),
  );
}

test('one write saves the intents of all copies of a request, and each is called once', async () => {
  service = await startService();
  const { id } = await service.copy({ destinations });
  const job = await savedCopy(id);
  await begin(job);
  const after = await savedCopy(id);
  expect(after.version).toBe(job.version + 1);
  expect(after.destinations.every(({ startedAt }) => startedAt !== null)).toBe(true);
  // The worker that wrote them was killed before it called.
  expect(jobState(await service.untilFinished(id))).toBe('succeeded');
  expect(await tokensCalled()).toEqual(tokensOf(id));
});

test('those that get no slot waits, by the same write that begins the others', async () => {
  service = await startService({ settings: { copySlots: 1 } });
  const first = await savedCopy((await service.copy({ destinations: [{ region: 'us-west-2' }] })).id);
  await begin(first);
  const job = await savedCopy((await service.copy({ destinations })).id);
  await begin(job);
  const after = await savedCopy(job.id);
  expect(after.version).toBe(job.version + 1);
  expect(after.destinations.map(({ state, startedAt }) => [state, startedAt !== null])).toEqual([
    ['queued', true],
    ['waiting', false],
    ['queued', true],
  ]);
});

test('a region that does not answer keeps no other from being saved and finished', async () => {
  // A real worker: it runs other steps while one waits.
  service = await startService({ workers: 0, simulator: { copySeconds: 0.1 } });
  const { id } = await service.copy({ destinations });
  const othersEnd = async () => {
    const job = await service.untilJob(id, ({ destinations: [first, , third] }) =>
      [first, third].every((one) => one?.state === 'succeeded'),
    );
    expect(job.destinations[1]?.imageId).toBeNull();
  };
  const ended = Promise.withResolvers<void>();
  whileInFlight(service, 'copyImage', () => othersEnd().then(ended.resolve, ended.reject), 'us-west-2');
  await service.startWorker();
  await ended.promise;
  expect(jobState(await service.untilFinished(id))).toBe('succeeded');
  const { copyImage } = await service.control.calls();
  expect(new Set(copyImage.map(({ imageId }) => imageId)).size).toBe(3);
});

test('a region that throttles goes on by itself, without another attempt', async () => {
  service = await startService();
  await service.control.fault({
    action: 'CopyImage',
    region: 'us-west-2',
    times: 4,
    error: 'RequestLimitExceeded',
  });
  const { id } = await service.copy({ destinations });
  const job = await service.untilFinished(id);
  expect(job.destinations.map(({ state, attempts }) => [state, attempts])).toEqual(
    REGIONS.map(() => ['succeeded', 1]),
  );
  expect(new Set(await tokensCalled())).toEqual(new Set(tokensOf(id)));
});

test("the worker's watchdog knows of a step while it is at work, and of none afterwards", async () => {
  service = await startService();
  const { stepsAtWork } = service.workerDeps;
  const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }] });
  let atWork: unknown[] = [];
  whileInFlight(service, 'copyImage', async () => {
    atWork = stepsAtWork.all().map(({ about }) => about);
  });
  await service.untilFinished(id);
  expect(atWork).toMatchObject([{ step: 'start-copies', job: id, destination: null }]);
  expect(stepsAtWork.all()).toEqual([]);
});
