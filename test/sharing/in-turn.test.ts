import type { ImageName } from '../../src/domain/ami.ts';
import { OWN } from '../helpers/account.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { changePermissions, permissionRequest } from '../../src/commands/change-permissions.ts';
import type { PermissionInput } from '../../src/commands/change-permissions.ts';
import { retryJob } from '../../src/commands/retry-job.ts';
import { viewPermissions } from '../../src/commands/view-permissions.ts';
import { ANONYMOUS } from '../../src/domain/access.ts';
import type { PermissionChange } from '../../src/domain/permissions.ts';
import { applyPermissions } from '../../src/worker/apply-permissions.ts';
import type { Service } from '../helpers/service.ts';
import { GOLDEN_WEB, startService, untilChanged } from '../helpers/service.ts';

const DB = { imageId: 'ami-0a1b2c3d4e5f60002', account: OWN, region: 'us-east-1' };
const scope = { account: OWN, region: 'us-east-1' };
const A = '222222222222';
const B = '333333333333';
const many = (count: number) => Array.from({ length: count }, (_, i) => String(500_000_000_000 + i));

let service: Service;
beforeEach(async () => {
  service = await startService({
    simulator: { blockPublicAccess: 'unblocked' },
    settings: { retryMs: 2000 },
  });
});
afterEach(() => service.stop());

const put = (input: PermissionInput): PermissionChange => ({ mode: 'set', set: permissionRequest(input) });
const patch = (add: PermissionInput): PermissionChange => ({
  mode: 'patch',
  add: permissionRequest(add),
  remove: permissionRequest({}),
});
const ask = (change: PermissionChange, image = GOLDEN_WEB) =>
  changePermissions(service, image, change, ANONYMOUS);
const make = async (change: PermissionChange, image = GOLDEN_WEB) =>
  untilChanged(service, (await ask(change, image)).id);
const shared = async ({ imageId, region } = GOLDEN_WEB) =>
  (await service.gateway.launchPermissions({ account: OWN, region }, imageId)).accounts;
const fault = (more: object) => service.control.fault({ action: 'ModifyImageAttribute', ...more });

describe('a change that is broken off', () => {
  test('and then refused is put back, and tells the permissions as they are', async () => {
    await fault({ skip: 1, times: 3, error: 'RequestLimitExceeded' });
    const { id } = await ask(put({ public: true, accounts: many(300) }));
    await service.until(
      async () => (await service.gateway.launchPermissions(scope, GOLDEN_WEB.imageId)).public,
    );
    await service.control.settings({ blockPublicAccess: 'block-new-sharing' });
    const job = await untilChanged(service, id);
    expect(job).toMatchObject({
      state: 'failed',
      error: { code: 'public-access-blocked' },
      after: { public: false },
    });
    expect((await viewPermissions(service, GOLDEN_WEB)).visibility).toBe('private');
  });

  test('that only takes away is never given back', async () => {
    await make(put({ accounts: [A], grantKeyAccess: true }), DB);
    await service.control.fault({ action: 'ListGrants', times: 1000, error: 'InternalError', status: 500 });
    const job = await make(put({}), DB);
    expect(job).toMatchObject({ state: 'failed', after: { accounts: [] } });
    expect(await shared(DB)).toEqual([]);
    await service.control.clearFaults();
    // The retry finds the grant that is left, though the account is long gone from the permissions.
    await retryJob(service, job.id, ANONYMOUS);
    expect(await untilChanged(service, job.id)).toMatchObject({ state: 'succeeded' });
    const [keyId = ''] = (await viewPermissions(service, DB)).encryption.kmsKeyIds;
    expect(await service.kms.findGrants(scope, keyId, 'amiferry/')).toEqual([]);
  });

  test('on a quota says so, and not that it is tried again', async () => {
    await service.control.settings({ publicImages: 0 });
    const job = await make(put({ public: true }));
    expect(job.error).toMatchObject({
      code: 'ec2-error',
      retryable: false,
      awsCode: 'ResourceLimitExceeded',
    });
    expect(job.error?.message).toContain('quota');
  });

  test('after a long time is tried with patience again when it is retried', async () => {
    await fault({ error: 'UnauthorizedOperation' });
    const failed = await make(put({ accounts: [A] }));
    await service.steps.advance(2500);
    await fault({ times: 2, error: 'InternalError' });
    await retryJob(service, failed.id, ANONYMOUS);
    expect(await untilChanged(service, failed.id)).toMatchObject({ state: 'succeeded' });
  });
});

describe('in turn', () => {
  test('a withdrawal that is retried ends the change at work, and both tell the truth', async () => {
    await make(put({ accounts: [A] }));
    await fault({ error: 'UnauthorizedOperation' });
    const withdrawal = await make(put({}));
    expect(withdrawal.state).toBe('failed');
    await fault({ times: 4, error: 'RequestLimitExceeded' });
    const { id } = await ask(patch({ accounts: [B] }));
    await service.until(async () => {
      const job = await service.store.get(id);
      return job?.kind === 'permissions' && job.state === 'running';
    });
    await retryJob(service, withdrawal.id, ANONYMOUS);
    expect(await untilChanged(service, id)).toMatchObject({ state: 'failed', error: { code: 'superseded' } });
    expect(await untilChanged(service, withdrawal.id)).toMatchObject({
      state: 'succeeded',
      after: { accounts: [] },
    });
    expect(await shared()).toEqual([]);
  });

  test('a withdrawal overtakes the sharing of a copy, which says so', async () => {
    await fault({ region: 'eu-west-1', times: 3, error: 'RequestLimitExceeded' });
    const permissions = { accounts: [A] };
    const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }], permissions });
    const { destinations } = await service.untilJob(id, (job) => job.destinations[0]?.sharedFrom !== null);
    const copy = { imageId: destinations[0]?.imageId ?? '', account: OWN, region: 'eu-west-1' };
    expect(await make(put({}), copy)).toMatchObject({ state: 'succeeded' });
    expect(await service.untilFinished(id)).toMatchObject({
      destinations: [{ state: 'succeeded' }],
      warnings: [{ code: 'superseded' }],
    });
    expect(await shared(copy)).toEqual([]);
  });

  /** A copy to be shared with A that EC2 shows as available, while the record is still pending. */
  async function copyAheadOfItsRecord(): Promise<{ id: string; copy: ImageName }> {
    await service.control.settings({ copySeconds: 3600 });
    const permissions = { accounts: [A] };
    const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }], permissions });
    const { destinations } = await service.untilJob(id, (job) => job.destinations[0]?.imageId !== null);
    const copy = { imageId: destinations[0]?.imageId ?? '', account: OWN, region: 'eu-west-1' };
    await service.control.setState(copy.imageId, 'available');
    return { id, copy };
  }

  test('a withdrawal overtakes the sharing of a copy whose record is still pending', async () => {
    const { id, copy } = await copyAheadOfItsRecord();
    const withdrawal = await ask(put({}), copy);
    await applyPermissions(service.workerDeps, { v: 1, jobId: withdrawal.id });
    expect(await service.store.get(withdrawal.id)).toMatchObject({ state: 'succeeded' });
    expect(await service.store.get(id)).toMatchObject({ destinations: [{ state: 'pending' }] });
    expect(await service.untilFinished(id)).toMatchObject({
      destinations: [{ state: 'succeeded' }],
      warnings: [{ code: 'superseded' }],
    });
    expect(await shared(copy)).toEqual([]);
  });

  test('a later PUT for a copy whose record is still pending is made after its sharing', async () => {
    const { id, copy } = await copyAheadOfItsRecord();
    const later = await ask(put({ accounts: [B] }), copy);
    expect(await untilChanged(service, later.id)).toMatchObject({ state: 'succeeded' });
    expect(await service.untilFinished(id)).toMatchObject({ destinations: [{ state: 'succeeded' }] });
    expect(await shared(copy)).toEqual([B]);
  });

  test('sharing a copy again leaves what others gave it meanwhile', async () => {
    await fault({ region: 'eu-west-1', error: 'UnauthorizedOperation' });
    const { id } = await service.copy({
      destinations: [{ region: 'eu-west-1' }],
      permissions: { accounts: [A] },
    });
    const failed = await service.untilFinished(id);
    const copy = { imageId: failed.destinations[0]?.imageId ?? '', account: OWN, region: 'eu-west-1' };
    await make(put({ accounts: [B] }), copy);
    await retryJob(service, id, ANONYMOUS);
    expect((await service.untilFinished(id)).destinations[0]?.state).toBe('succeeded');
    expect(await shared(copy)).toEqual([A, B]);
  });
});

test('grants on a copy go when the copy is rolled back', async () => {
  const copyFails = { reason: 'Copy image failed with an internal error' };
  await service.control.settings({ copySeconds: 2 });
  await service.control.fault({ action: 'CopyImage', region: 'us-west-2', copyFails });
  const { id } = await service.copy({
    onFailure: 'deregister',
    tags: { 'simulator:seconds': '1' },
    destinations: [
      { region: 'eu-west-1', kmsKeyId: 'alias/ami' },
      { region: 'us-west-2', kmsKeyId: 'alias/ami' },
    ],
    permissions: { accounts: [A], grantKeyAccess: true },
  });
  await service.untilFinished(id);
  const eu = { account: OWN, region: 'eu-west-1' };
  expect(await service.kms.findGrants(eu, 'alias/ami', 'amiferry/').catch(() => [])).toEqual([]);
});

test('a copy whose share never gets through ends private', async () => {
  await service.control.fault({
    action: 'ModifySnapshotAttribute',
    region: 'eu-west-1',
    times: 1000,
    error: 'InternalError',
  });
  const permissions = { accounts: [A], includeSnapshots: true };
  const { id } = await service.copy({ destinations: [{ region: 'eu-west-1' }], permissions });
  const [destination] = (await service.untilFinished(id)).destinations;
  expect(destination).toMatchObject({ state: 'failed', imageState: 'available' });
  expect(await shared({ imageId: destination?.imageId ?? '', account: OWN, region: 'eu-west-1' })).toEqual(
    [],
  );
});
