import {
  CreateSnapshotCommand,
  CreateVolumeCommand,
  EC2Client,
  RegisterImageCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { PermissionInput } from '../../src/commands/change-permissions.ts';
import { changePermissions, permissionRequest } from '../../src/commands/change-permissions.ts';
import { viewPermissions } from '../../src/commands/view-permissions.ts';
import type { ImageName, Scope } from '../../src/domain/ami.ts';
import { NOBODY } from '../../src/domain/permissions.ts';
import type { Service } from '../helpers/service.ts';
import { startService, TESTER, testCredentials, untilChanged } from '../helpers/service.ts';
import type { Moto } from './moto-server.ts';

const A = '222222222222';
const B = '012345678901';
const ORGANIZATION = 'arn:aws:organizations::111111111111:organization/o-abcdefghij';
const UNIT = 'arn:aws:organizations::111111111111:ou/o-abcdefghij/ou-ab12-cdefghij';

/** The assertions of moto's own tests of launch permissions, made by way of this service. */
export function permissionsAgainst(moto: () => Moto): void {
  let service: Service;
  let scope: Scope;
  let image: ImageName;

  beforeAll(async () => {
    service = await startService({ endpoint: moto().url });
    scope = { account: await service.ownAccount.get(), region: 'us-east-1' };
  });
  afterAll(() => service.stop());
  beforeEach(async () => {
    image = { imageId: await registerImage(moto().url), ...scope };
  });

  const put = async (input: PermissionInput) => {
    const change = { mode: 'set' as const, set: permissionRequest(input) };
    return untilChanged(service, (await changePermissions(service, image, change, TESTER)).id);
  };
  const patch = async (add: PermissionInput, remove: PermissionInput = {}) => {
    const change = { mode: 'patch' as const, add: permissionRequest(add), remove: permissionRequest(remove) };
    return untilChanged(service, (await changePermissions(service, image, change, TESTER)).id);
  };
  const permissions = () => service.gateway.launchPermissions(scope, image.imageId);

  test('public and accounts together, and private again, twice in a row', async () => {
    for (let i = 0; i < 2; i += 1) {
      expect(await put({ public: true, accounts: [A, B] })).toMatchObject({ state: 'succeeded' });
      expect(await permissions()).toEqual({ ...NOBODY, public: true, accounts: [B, A] });
      expect((await viewPermissions(service, image)).visibility).toBe('public');
      await put({});
      expect(await permissions()).toEqual(NOBODY);
    }
  });

  test('adding twice and removing twice are harmless, and removing one of two leaves the other', async () => {
    for (let i = 0; i < 2; i += 1)
      expect(await patch({ accounts: [A, B] })).toMatchObject({ state: 'succeeded' });
    for (let i = 0; i < 2; i += 1) await patch({}, { accounts: [A] });
    expect((await permissions()).accounts).toEqual([B]);
  });

  test('organizations and units', async () => {
    await put({ organizations: [ORGANIZATION], organizationalUnits: [UNIT] });
    expect(await permissions()).toEqual({
      ...NOBODY,
      organizations: [ORGANIZATION],
      organizationalUnits: [UNIT],
    });
    await patch({}, { organizations: [ORGANIZATION] });
    expect(await permissions()).toEqual({ ...NOBODY, organizationalUnits: [UNIT] });
  });

  test('an unknown image is not found', async () => {
    const unknown = { imageId: 'ami-00000000000000000', ...scope };
    await expect(viewPermissions(service, unknown)).rejects.toMatchObject({ code: 'image-not-found' });
  });
}

async function registerImage(endpoint: string): Promise<string> {
  const client = new EC2Client({ endpoint, region: 'us-east-1', credentials: testCredentials() });
  const volume = await client.send(new CreateVolumeCommand({ Size: 8, AvailabilityZone: 'us-east-1a' }));
  const snapshot = await client.send(new CreateSnapshotCommand({ VolumeId: volume.VolumeId ?? '' }));
  const Ebs = { SnapshotId: snapshot.SnapshotId ?? '' };
  const command = new RegisterImageCommand({
    Name: `moto-${Math.random()}`,
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs }],
  });
  const { ImageId } = await client.send(command);
  client.destroy();
  return ImageId ?? '';
}
