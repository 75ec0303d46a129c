import { OWN } from '../helpers/account.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PermissionInput } from '../../src/commands/change-permissions.ts';
import { changePermissions, permissionRequest } from '../../src/commands/change-permissions.ts';
import type { PermissionsJob } from '../../src/domain/job.ts';
import type { Service } from '../helpers/service.ts';
import { startService, TESTER, untilChanged } from '../helpers/service.ts';

const IMAGE = { imageId: 'ami-0a1b2c3d4e5f7000c', account: OWN, region: 'us-east-1' };
const A = '222222222222';
const B = '333333333333';

let service: Service;
beforeEach(async () => {
  service = await startService({ simulator: { blockPublicAccess: 'unblocked' } });
  const { imageId, region } = IMAGE;
  await service.control.addImage({ imageId, region, snapshots: [{ sizeGiB: 8 }, { sizeGiB: 16 }] });
  // A process asks STS once.
  await service.ownAccount.get();
});
afterEach(() => service.stop());

/** A PUT from the request to the end of its job, and how often the API and the worker together called each operation. */
async function put(input: PermissionInput): Promise<{ job: PermissionsJob; calls: Record<string, number> }> {
  const before = await counted();
  const set = permissionRequest(input);
  const { id } = await changePermissions(service, IMAGE, { mode: 'set', set }, TESTER);
  const job = await untilChanged(service, id);
  const made = Object.entries(await counted()).map(
    ([action, n]) => [action, n - (before[action] ?? 0)] as const,
  );
  return { job, calls: Object.fromEntries(made.filter(([, n]) => n > 0)) };
}

async function counted(): Promise<Record<string, number>> {
  const { calls } = await service.control.calls();
  const sums = Object.entries(calls).map(
    ([action, regions]) => [action, Object.values(regions).reduce((sum, n) => sum + n, 0)] as const,
  );
  return Object.fromEntries(sums);
}

test('a PUT of an unencrypted image with two snapshots takes eight calls', async () => {
  const { job, calls } = await put({ accounts: [A] });
  expect(job).toMatchObject({ state: 'succeeded', warnings: [], after: { accounts: [A] } });
  expect(calls).toEqual({
    // The image: for the API, and for the worker, which believes nothing that the API saw.
    DescribeImages: 2,
    // By the API: the image and its snapshots are this account's own.
    DescribeSnapshots: 1,
    // By the worker: before the change, and after it.
    DescribeImageAttribute: 2,
    // By the worker: each snapshot, once. The change touches none.
    DescribeSnapshotAttribute: 2,
    ModifyImageAttribute: 1,
  });
});

test('the same PUT once more makes no change, and reads the permissions once', async () => {
  await put({ accounts: [A] });
  const { job, calls } = await put({ accounts: [A] });
  expect(job).toMatchObject({ state: 'succeeded', after: { accounts: [A] } });
  expect(calls).toEqual({
    DescribeImages: 2,
    DescribeSnapshots: 1,
    DescribeImageAttribute: 1,
    DescribeSnapshotAttribute: 2,
  });
});

test('a PUT that changes the snapshots reads them again', async () => {
  await put({ accounts: [B] });
  const { job, calls } = await put({ accounts: [A], includeSnapshots: true });
  expect(job).toMatchObject({ state: 'succeeded', after: { accounts: [A], snapshotAccounts: [A] } });
  expect(calls).toMatchObject({ DescribeSnapshotAttribute: 4, ModifySnapshotAttribute: 2 });
});

test('where EC2 does not show whose the snapshots are, the permissions are read before the PUT is accepted', async () => {
  await service.control.fault({ action: 'DescribeSnapshots', empty: true, times: 1 });
  const { job, calls } = await put({ accounts: [A] });
  expect(job).toMatchObject({ state: 'succeeded' });
  expect(calls).toMatchObject({ DescribeImageAttribute: 3, DescribeSnapshotAttribute: 4 });
});

test("another account's image that is made of this account's snapshots is refused before anything changes", async () => {
  const theirs = { ...IMAGE, imageId: 'ami-0a1b2c3d4e5f7000d' };
  const snapshots = [{ sizeGiB: 8, owner: '111111111111' }];
  const { imageId, region } = theirs;
  await service.control.addImage({ imageId, region, owner: B, public: true, snapshots });
  const set = permissionRequest({ accounts: [A] });
  const refused = changePermissions(service, theirs, { mode: 'set', set }, TESTER);
  await expect(refused).rejects.toMatchObject({ code: 'not-image-owner' });
});

test('only a PUT that makes the image public asks for block public access and the public images', async () => {
  const { job, calls } = await put({ public: true });
  expect(job).toMatchObject({ state: 'succeeded', after: { public: true } });
  expect(calls).toMatchObject({ GetImageBlockPublicAccessState: 2, DescribeImages: 4 });
});
