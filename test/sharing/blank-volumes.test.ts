import { OWN } from '../helpers/account.ts';
import { afterEach, describe, expect, test } from 'vitest';
import { changePermissions, permissionRequest } from '../../src/commands/change-permissions.ts';
import type { Image } from '../../src/domain/ami.ts';
import { namesAllSnapshots } from '../../src/sharing/names-all-snapshots.ts';
import { EU, eu } from '../helpers/copies.ts';
import type { Service } from '../helpers/service.ts';
import { startService, TESTER, untilChanged } from '../helpers/service.ts';

let service: Service;
afterEach(() => service.stop());

const WITH_DATA_DISK = { imageId: 'ami-0a1b2c3d4e5f7000a', account: OWN, region: 'us-east-1' };
const permissionsAfter = { accounts: ['222222222222'], snapshotAccounts: ['222222222222'] };
const permissions = { accounts: ['222222222222'], includeSnapshots: true };

async function start(): Promise<void> {
  service = await startService();
  const { imageId, region } = WITH_DATA_DISK;
  await service.control.addImage({ imageId, region, blankVolumes: [100] });
}

describe('an image with a blank volume, which has no snapshot', () => {
  test('is copied and shared, with the snapshots that it has', async () => {
    await start();
    const destinations = [{ region: EU }];
    const { id } = await service.copy({ destinations, permissions, onFailure: 'deregister' }, WITH_DATA_DISK);
    const done = await service.untilFinished(id);
    expect(done.destinations[0]).toMatchObject({ state: 'succeeded', error: null });
    const image = await service.gateway.describeImage(eu, done.destinations[0]?.imageId ?? '');
    expect(image?.snapshots.map(({ snapshotId }) => snapshotId)).toEqual([expect.any(String), null]);
    const snapshot = image?.snapshots[0]?.snapshotId ?? '';
    expect((await service.gateway.snapshotPermissions(eu, snapshot)).accounts).toEqual(permissions.accounts);
  });

  test('is shared where it is no copy', async () => {
    await start();
    const set = permissionRequest(permissions);
    const { id } = await changePermissions(service, WITH_DATA_DISK, { mode: 'set', set }, TESTER);
    expect(await untilChanged(service, id)).toMatchObject({ state: 'succeeded', after: permissionsAfter });
  });

  test('waits for the snapshots that EC2 does not name yet', async () => {
    await start();
    const snapshots = [{ sizeGiB: 8 }, { sizeGiB: 16 }];
    const { imageId, region } = WITH_DATA_DISK;
    await service.control.addImage({ imageId, region, snapshots, blankVolumes: [100] });
    const destinations = [{ region: EU }];
    const { id } = await service.copy({ destinations }, WITH_DATA_DISK);
    const [one] = (await service.untilFinished(id)).destinations;
    const image = await service.gateway.describeImage(eu, one?.imageId ?? '');
    if (image === null) throw new Error('no image');
    const [root, data, blank] = image.snapshots;
    const half = { ...image, snapshots: [root, { ...data, snapshotId: null }, blank] } as Image;
    expect(await namesAllSnapshots(service.workerDeps, eu, image)).toBe(true);
    expect(await namesAllSnapshots(service.workerDeps, eu, half)).toBe(false);
    await service.control.fault({ action: 'DescribeSnapshots', region: EU, empty: true });
    expect(await namesAllSnapshots(service.workerDeps, eu, half)).toBe(false);
  });
});
