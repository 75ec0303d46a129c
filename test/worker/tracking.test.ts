import { OWN } from '../helpers/account.ts';
import { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import type { Job } from '../../src/domain/job.ts';
import { storeKeys } from '../../src/store/keys.ts';
import { untilPolled } from '../helpers/until-polled.ts';
import { testRedisUrl } from '../helpers/redis.ts';
import type { Service } from '../helpers/service.ts';
import { startService } from '../helpers/service.ts';

let service: Service;
afterEach(() => service.stop());

const EU = 'eu-west-1';
const scope = { account: OWN, region: EU };
const HOUR = 3_600_000;

async function pendingCopy(name = 'copy'): Promise<{ id: string; imageId: string }> {
  const { id } = await service.copy({ name, destinations: [{ region: EU }] });
  const job = await service.untilJob(id, (one) => one.destinations[0]?.state === 'pending');
  return { id, imageId: job.destinations[0]?.imageId ?? '' };
}

/** As if it had begun so many milliseconds earlier. */
const older = (by: number) => (job: Job) =>
  job.kind !== 'copy'
    ? null
    : {
        ...job,
        destinations: job.destinations.map((one) => ({ ...one, startedAt: (one.startedAt ?? 0) - by })),
      };

async function calls(action: string): Promise<number> {
  return (await service.control.calls()).calls[action]?.[EU] ?? 0;
}

test('a copy that has just begun is looked at soon, though older ones are under way that are looked at rarely', async () => {
  service = await startService({ settings: { pollMs: 5000 }, simulator: { copySeconds: 3600 } });
  const redis = new Redis(testRedisUrl());
  const due = async () => Number(await redis.zscore(storeKeys(service.prefix).scopes, `${OWN}/${EU}`));
  const { id } = await pendingCopy('old');
  await service.store.update(id, older(HOUR));
  await service.store.polls.pollBy(scope, service.store.now());
  await untilPolled(service, EU, 20_000);
  const { id: young } = await pendingCopy('young');
  const begun = (await service.untilJob(young, () => true)).destinations[0]?.startedAt ?? 0;
  await untilPolled(service, EU, 0);
  expect((await due()) - begun).toBeLessThan(10_000);
  redis.disconnect();
});

test('where progress has told of its snapshots already, the end of a copy asks for none', async () => {
  service = await startService({ simulator: { copySeconds: 100 } });
  const { id } = await pendingCopy();
  await service.control.advanceSeconds(50);
  await service.untilJob(id, (job) => (job.destinations[0]?.progress ?? 0) > 0);
  const before = await calls('DescribeSnapshots');
  await service.control.advanceSeconds(HOUR);
  const [done] = (await service.untilFinished(id)).destinations;
  expect(done).toMatchObject({ state: 'succeeded', progress: 100, encrypted: false, untagged: [] });
  expect(await calls('DescribeSnapshots')).toBe(before);
  expect(await calls('CreateTags')).toBe(0);
});

test('an encrypted copy whose snapshots could not be read at its end has its key all the same', async () => {
  service = await startService({ simulator: { copySeconds: 1 } });
  const encrypted = { region: EU, encrypted: true as const, kmsKeyId: 'alias/ami' };
  const { id } = await service.copy({ destinations: [encrypted] });
  await service.untilJob(id, ({ destinations: [one] }) => one?.imageId !== null);
  await service.control.advanceSeconds(10);
  await service.control.fault({
    action: 'DescribeSnapshots',
    region: EU,
    error: 'InternalError',
    status: 500,
    times: 2,
  });
  const [done] = (await service.untilFinished(id)).destinations;
  expect(done).toMatchObject({
    state: 'succeeded',
    encrypted: true,
    kmsKeyId: expect.stringContaining('arn:aws:kms:'),
  });
});

test('an encrypted copy keeps the key that its snapshots told while it was pending', async () => {
  service = await startService({ simulator: { copySeconds: 100 } });
  const encrypted = { region: EU, encrypted: true as const, kmsKeyId: 'alias/ami' };
  const { id } = await service.copy({ destinations: [encrypted] });
  await service.untilJob(id, (job) => job.destinations[0]?.state === 'pending');
  await service.control.advanceSeconds(50);
  const halfway = await service.untilJob(id, (job) => (job.destinations[0]?.progress ?? 0) > 0);
  expect(halfway.destinations[0]?.kmsKeyId).toMatch(/^arn:/);
  await service.control.advanceSeconds(HOUR);
  const [done] = (await service.untilFinished(id)).destinations;
  expect(done).toMatchObject({ encrypted: true, kmsKeyId: halfway.destinations[0]?.kmsKeyId });
});

test('a copy that somebody deregisters ends, though EC2 leaves it out of its answers without a word', async () => {
  service = await startService({
    settings: { lostCopyMs: 100 },
    simulator: { copySeconds: HOUR, deregisteredSeconds: HOUR },
  });
  const { id, imageId } = await pendingCopy();
  await service.gateway.deregisterImage(scope, imageId);
  await service.control.advanceSeconds(HOUR);
  expect(await service.gateway.findEnded(scope, [imageId])).toEqual({ ended: [], unknown: [] });
  const [gone] = (await service.untilFinished(id)).destinations;
  expect(gone).toMatchObject({ state: 'failed', error: { code: 'copy-disappeared' } });
});
