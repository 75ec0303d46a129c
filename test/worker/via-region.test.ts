import { afterEach, describe, expect, test } from 'vitest';
import { cancelJob } from '../../src/commands/cancel-job.ts';
import type { CopyRequest } from '../../src/commands/request-copy.ts';
import { retryJob } from '../../src/commands/retry-job.ts';
import type { CopyJob, Destination } from '../../src/domain/job.ts';
import { dueHolds } from '../../src/domain/holds.ts';
import { sourceOf } from '../../src/domain/hubs.ts';
import type { ImageName } from '../../src/domain/ami.ts';
import { OWN } from '../helpers/account.ts';
import { B, C, testAccounts } from '../helpers/accounts.ts';
import type { Service, ServiceOptions } from '../helpers/service.ts';
import { GOLDEN_WEB, startService, TESTER } from '../helpers/service.ts';

const GOLDEN_DB = { ...GOLDEN_WEB, imageId: 'ami-0a1b2c3d4e5f60002' };
const EU = 'eu-west-1';
const HUB = `${OWN}/${EU}`;
const SPOKES = [B, C].map((account) => ({ account, region: EU, kmsKeyId: 'alias/ami' }));

let service: Service;
afterEach(() => service.stop());

async function start(options: ServiceOptions = {}): Promise<void> {
  service = await startService({ accounts: testAccounts(), ...options });
}

const copy = (request: Partial<CopyRequest> = {}, source: ImageName = GOLDEN_WEB) =>
  service.copy({ via: 'region', destinations: SPOKES, kmsKeyId: 'alias/ami', ...request }, source);

const named = ({ destinations }: CopyJob) =>
  Object.fromEntries(destinations.map((one) => [`${one.spec.account}/${one.spec.region}`, one]));
const states = (job: CopyJob) =>
  Object.fromEntries(Object.entries(named(job)).map(([key, one]) => [key, one.state]));
const hubIn = (job: CopyJob): Destination => {
  const hub = named(job)[HUB];
  if (hub === undefined) throw new Error('the job has no hub');
  return hub;
};

async function untilReleased(id: string): Promise<CopyJob> {
  await service.untilFinished(id);
  await service.until(async () => {
    const now = await service.store.get(id);
    return now !== null && dueHolds(now).length === 0;
  });
  return service.untilJob(id, ({ finishedAt }) => finishedAt !== null);
}

const accountsOf = async (scope: { account: string; region: string }, imageId: string | null) =>
  (await service.gateway.launchPermissions(scope, imageId ?? '')).accounts;

describe('copies via a copy in the region', () => {
  test.each([
    ['an unencrypted image', GOLDEN_WEB],
    ['an image under a customer key', GOLDEN_DB],
  ])('one transfer into the region, and the others are copied from it: %s', async (_, source) => {
    await start();
    const { id } = await copy({}, source);
    const job = await untilReleased(id);
    expect(states(job)).toEqual({
      [HUB]: 'succeeded',
      [`${B}/${EU}`]: 'succeeded',
      [`${C}/${EU}`]: 'succeeded',
    });
    const hub = hubIn(job);
    const calls = (await service.control.calls()).copyImage.map(({ account, region, parameters }) => [
      account,
      region,
      parameters['SourceImageId'],
      parameters['SourceRegion'],
    ]);
    expect(calls[0]).toEqual([OWN, EU, source.imageId, source.region]);
    expect(new Set(calls.slice(1))).toEqual(
      new Set([
        [B, EU, hub.imageId, EU],
        [C, EU, hub.imageId, EU],
      ]),
    );
    for (const one of job.destinations) {
      const image = await service.gateway.describeImage(one.spec, one.imageId ?? '');
      expect(image).toMatchObject({ ownerId: one.spec.account, state: 'available' });
      expect(image?.tags['amiferry:source']).toBe(`${source.region}/${source.imageId}`);
      expect(one.kmsKeyId).toContain(`:${EU}:${one.spec.account}:key/`);
    }
    expect(await accountsOf({ account: OWN, region: EU }, hub.imageId)).toEqual([]);
    expect(await accountsOf(source, source.imageId)).toEqual([]);
  });

  test('a destination that the request names in the account of the source is the hub, with its own key', async () => {
    await start();
    const job = await copy({ destinations: [{ region: EU, kmsKeyId: 'alias/ami', name: 'hub' }, ...SPOKES] });
    expect(
      job.kind === 'copy' && job.destinations.map(({ spec }) => [spec.account, spec.hub, spec.isAddedHub]),
    ).toEqual([
      [OWN, undefined, undefined],
      [B, HUB, undefined],
      [C, HUB, undefined],
    ]);
    expect(states(await untilReleased(job.id))[HUB]).toBe('succeeded');
  });

  test('in the region of the source the copies are made of the source', async () => {
    await start();
    const destinations = [{ account: B, region: GOLDEN_WEB.region, kmsKeyId: 'alias/ami' }];
    const { id } = await copy({ destinations });
    const job = await untilReleased(id);
    expect(job.destinations.map(({ spec, state }) => [spec.account, state])).toEqual([[B, 'succeeded']]);
  });

  test('are shared as asked, and a hub that was not asked for itself is not', async () => {
    await start();
    const { id } = await copy({ permissions: { accounts: ['444444444444'] } });
    const job = await untilReleased(id);
    const shared = job.destinations.map(async ({ spec, imageId }) => [
      spec.account,
      await accountsOf(spec, imageId),
    ]);
    expect(await Promise.all(shared)).toEqual([
      [OWN, []],
      [B, ['444444444444']],
      [C, ['444444444444']],
    ]);
  });

  test('wait for the hub, and say what they are copied from once it is there', async () => {
    await start({ simulator: { copySeconds: 100 } });
    const { id } = await copy();
    const pending = await service.untilJob(id, (job) => hubIn(job).state === 'pending');
    expect(states(pending)).toEqual({ [HUB]: 'pending', [`${B}/${EU}`]: 'queued', [`${C}/${EU}`]: 'queued' });
    const spoke = named(pending)[`${B}/${EU}`];
    expect(spoke && sourceOf(pending, spoke)).toBeNull();
    const job = await untilReleased(id);
    const made = named(job)[`${B}/${EU}`];
    expect(made && sourceOf(job, made)).toEqual({ account: OWN, region: EU, imageId: hubIn(job).imageId });
  });

  test('fail with the reason of their hub, and a retry of one of them makes both', async () => {
    await start();
    await service.control.fault({ action: 'CopyImage', copyFails: { reason: 'broken' } });
    const { id } = await copy();
    const job = await untilReleased(id);
    expect(new Set(Object.values(states(job)))).toEqual(new Set(['failed']));
    expect(named(job)[`${B}/${EU}`]?.error).toMatchObject({
      code: 'hub-failed',
      message: expect.stringContaining('broken'),
    });
    await retryJob(service, id, TESTER, null, [`${B}/${EU}`]);
    const again = await untilReleased(id);
    expect(states(again)).toEqual({
      [HUB]: 'succeeded',
      [`${B}/${EU}`]: 'succeeded',
      [`${C}/${EU}`]: 'failed',
    });
    await retryJob(service, id, TESTER);
    expect(states(await untilReleased(id))[`${C}/${EU}`]).toBe('succeeded');
  });

  test('a second retry does not make the hub again while the first one makes it', async () => {
    await start({ simulator: { copySeconds: 100 } });
    await service.control.fault({ action: 'CopyImage', copyFails: { reason: 'broken' } });
    const { id } = await copy();
    await untilReleased(id);
    await retryJob(service, id, TESTER, null, [`${B}/${EU}`]);
    await service.untilJob(id, (job) => hubIn(job).state === 'pending');
    await retryJob(service, id, TESTER);
    const job = await untilReleased(id);
    expect(new Set(Object.values(states(job)))).toEqual(new Set(['succeeded']));
    expect(hubIn(job).attempts).toBe(2);
    expect((await service.control.calls()).copyImage.filter(({ account }) => account === OWN)).toHaveLength(
      2,
    );
  });

  test('a cancel ends them all, and leaves nothing', async () => {
    await start({ simulator: { copySeconds: 100 } });
    const { id } = await copy();
    await service.untilJob(id, (job) => named(job)[`${B}/${EU}`]?.state === 'pending');
    await cancelJob(service, id, TESTER);
    const job = await untilReleased(id);
    // The hub is complete: a cancel leaves what is finished.
    expect(states(job)).toEqual({
      [HUB]: 'succeeded',
      [`${B}/${EU}`]: 'cancelled',
      [`${C}/${EU}`]: 'cancelled',
    });
    expect(await accountsOf({ account: OWN, region: EU }, hubIn(job).imageId)).toEqual([]);
    for (const account of [B, C])
      expect(await service.gateway.findImages({ account, region: EU }, {})).toEqual([]);
  });

  test('a hub that was made only for them is removed at the end, if asked, and the job has succeeded', async () => {
    await start();
    const { id } = await copy({ hubCopies: 'remove' });
    const job = await untilReleased(id);
    expect(states(job)).toEqual({
      [HUB]: 'succeeded',
      [`${B}/${EU}`]: 'succeeded',
      [`${C}/${EU}`]: 'succeeded',
    });
    expect(hubIn(job).imageState).toBe('deregistered');
    expect(await service.gateway.findImages({ account: OWN, region: EU }, {})).toEqual([]);
    expect(await service.gateway.findSnapshots({ account: OWN, region: EU }, 'amiferry:job', [id])).toEqual(
      [],
    );
  });

  test('a hub that was removed is made again for the retry of a copy', async () => {
    await start();
    await service.control.fault({ action: 'CopyImage', account: C, copyFails: { reason: 'broken' } });
    const { id } = await copy({ hubCopies: 'remove' });
    const job = await untilReleased(id);
    expect(states(job)).toEqual({
      [HUB]: 'succeeded',
      [`${B}/${EU}`]: 'succeeded',
      [`${C}/${EU}`]: 'failed',
    });
    expect(hubIn(job).imageState).toBe('deregistered');
    await retryJob(service, id, TESTER);
    const again = await untilReleased(id);
    expect(new Set(Object.values(states(again)))).toEqual(new Set(['succeeded']));
    expect(hubIn(again)).toMatchObject({ attempts: 2, imageState: 'deregistered' });
  });

  test('fail where somebody has deregistered the hub, and the next retry makes it again', async () => {
    await start();
    await service.control.fault({ action: 'CopyImage', account: C, copyFails: { reason: 'broken' } });
    const { id } = await copy();
    const hub = hubIn(await untilReleased(id));
    await service.gateway.deregisterImage(hub.spec, hub.imageId ?? '');
    await retryJob(service, id, TESTER);
    expect(named(await untilReleased(id))[`${C}/${EU}`]?.error).toMatchObject({
      code: 'hub-failed',
      message: expect.stringContaining('it was deregistered'),
    });
    await retryJob(service, id, TESTER);
    const job = await untilReleased(id);
    expect(new Set(Object.values(states(job)))).toEqual(new Set(['succeeded']));
    expect(hubIn(job).attempts).toBe(2);
  });

  test('end once: while a hub is still to be removed, the job runs', async () => {
    await start({ simulator: { copySeconds: 100 } });
    const { id } = await copy({ hubCopies: 'remove' });
    await service.untilJob(id, (job) => named(job)[`${B}/${EU}`]?.state === 'pending');
    // The access to the hub is taken back after the copies of it have succeeded.
    await service.control.fault({ action: 'ModifyImageAttribute', times: 3, error: 'RequestLimitExceeded' });
    await untilReleased(id);
    const events = await service.eventLog.read({ jobId: id }, '0', 100);
    expect(events.filter(({ type }) => type === 'job.succeeded')).toHaveLength(1);
  });

  test('where the account of the source is not configured for the region are refused before any call', async () => {
    const accounts = testAccounts({ [B]: { regions: ['us-east-1'] }, [C]: {} });
    await start({ accounts });
    const source = { ...GOLDEN_WEB, account: B };
    const request = { destinations: [{ account: C, region: EU, kmsKeyId: 'alias/ami' }] };
    await expect(copy(request, source)).rejects.toMatchObject({
      code: 'unknown-account',
      errors: [{ pointer: '/destinations/0/region' }],
    });
  });

  test('"hubCopies" without "via": "region" is refused, and so is a hub under a key that can not be shared', async () => {
    await start();
    await expect(service.copy({ destinations: SPOKES, hubCopies: 'remove' })).rejects.toMatchObject({
      code: 'validation-failed',
      errors: [{ pointer: '/hubCopies' }],
    });
    const withoutKey = { via: 'region' as const, destinations: SPOKES };
    await expect(service.copy(withoutKey, GOLDEN_DB)).rejects.toMatchObject({ code: 'key-required' });
  });
});
