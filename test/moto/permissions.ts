import {
  CreateSnapshotCommand,
  CreateVolumeCommand,
  EC2Client,
  RegisterImageCommand,
} from '@aws-sdk/client-ec2';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { PermissionInput } from '../../src/commands/change-permissions.ts';
import { changePermissions, permissionRequest } from '../../src/commands/change-permissions.ts';
import { viewPermissions } from '../../src/commands/view-permissions.ts';
import type { ImageName, Scope } from '../../src/domain/ami.ts';
import { NOBODY } from '../../src/domain/permissions.ts';
import { testAccounts } from '../helpers/accounts.ts';
import type { Service } from '../helpers/service.ts';
import { startService, TESTER, testCredentials, untilChanged } from '../helpers/service.ts';
import type { Moto } from './moto-server.ts';

const A = '222222222222';
const B = '012345678901';
const ORGANIZATION = 'arn:aws:organizations::111111111111:organization/o-abcdefghij';
const UNIT = 'arn:aws:organizations::111111111111:ou/o-abcdefghij/ou-ab12-cdefghij';

/**
 * The assertions of moto's own tests of launch permissions, made by way of this service.
 * @param account the account of the images, whose role is assumed; `null`: the service's own
 */
export function permissionsAgainst(moto: () => Moto, account: string | null): void {
  let service: Service;
  let scope: Scope;
  let image: ImageName;

  beforeAll(async () => {
    const accounts = account === null ? {} : { accounts: testAccounts({ [account]: {} }) };
    service = await startService({ endpoint: moto().url, ...accounts });
    scope = { account: account ?? (await service.ownAccount.get()), region: 'us-east-1' };
  });
  afterAll(() => service.stop());
  beforeEach(async () => {
    image = { imageId: await registerImage(moto().url, account), ...scope };
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

  test('the image is seen in its account alone', async () => {
    const seen = (of: string) => service.gateway.describeImage({ ...scope, account: of }, image.imageId);
    expect(await seen(scope.account)).toMatchObject({ ownerId: scope.account });
    const own = await service.ownAccount.get();
    if (own !== scope.account) expect(await seen(own)).toBeNull();
  });

  test('an unknown image is not found', async () => {
    const unknown = { imageId: 'ami-00000000000000000', ...scope };
    await expect(viewPermissions(service, unknown)).rejects.toMatchObject({ code: 'image-not-found' });
  });
}

async function registerImage(endpoint: string, account: string | null): Promise<string> {
  const credentials = account === null ? testCredentials() : await sessionIn(endpoint, account);
  const client = new EC2Client({ endpoint, region: 'us-east-1', credentials });
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

/** Credentials of an account, by AssumeRole. */
async function sessionIn(endpoint: string, account: string) {
  const client = new STSClient({ endpoint, region: 'us-east-1', credentials: testCredentials() });
  const RoleArn = `arn:aws:iam::${account}:role/amiferry-test`;
  const { Credentials } = await client.send(
    new AssumeRoleCommand({ RoleArn, RoleSessionName: 'amiferry-test' }),
  );
  client.destroy();
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
}
