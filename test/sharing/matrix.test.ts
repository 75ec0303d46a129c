import { OWN } from '../helpers/account.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PermissionInput } from '../../src/commands/change-permissions.ts';
import { changePermissions, permissionRequest } from '../../src/commands/change-permissions.ts';
import type { Service } from '../helpers/service.ts';
import { startService, untilChanged, TESTER } from '../helpers/service.ts';

/** The three images that the simulator seeds: unencrypted, under a customer key, under aws/ebs. */
const IMAGES = {
  unencrypted: 'ami-0a1b2c3d4e5f60001',
  'customer key': 'ami-0a1b2c3d4e5f60002',
  'aws/ebs key': 'ami-0a1b2c3d4e5f60003',
};
const SHARES: Record<string, PermissionInput> = {
  private: {},
  account: { accounts: ['222222222222'] },
  organization: { organizations: ['arn:aws:organizations::111111111111:organization/o-abcdefghij'] },
  unit: { organizationalUnits: ['arn:aws:organizations::111111111111:ou/o-abcdefghij/ou-ab12-cdefghij'] },
  public: { public: true },
};

/** The refusal that EC2's rules call for; nothing for what is allowed. */
function refusal(image: string, share: string, blocked: boolean): string | undefined {
  if (share === 'public' && image !== 'unencrypted') return 'public-and-encrypted';
  if (image === 'aws/ebs key' && share !== 'private') return 'aws-managed-key';
  if (share !== 'public') return undefined;
  return blocked ? 'public-access-blocked' : undefined;
}

const CASES = Object.keys(IMAGES).flatMap((image) =>
  Object.keys(SHARES).flatMap((share) => [true, false].map((blocked) => ({ image, share, blocked }))),
);

describe('who an image can be shared with', () => {
  let service: Service;
  beforeAll(async () => {
    service = await startService();
  });
  afterAll(() => service.stop());
  beforeEach(() => service.control.reset());

  test.each(CASES)('$image, $share, block public access $blocked', async ({ image, share, blocked }) => {
    await service.control.settings({ blockPublicAccess: blocked ? 'block-new-sharing' : 'unblocked' });
    const imageId = IMAGES[image as keyof typeof IMAGES];
    const set = permissionRequest(SHARES[share] ?? {});
    const change = () =>
      changePermissions(
        service,
        { imageId, account: OWN, region: 'us-east-1' },
        { mode: 'set', set },
        TESTER,
      );
    const expected = refusal(image, share, blocked);
    if (expected === undefined) {
      const job = await untilChanged(service, (await change()).id);
      expect(job).toMatchObject({ state: 'succeeded', error: null });
      const { includeSnapshots, grantKeyAccess, ...wanted } = set;
      expect({ includeSnapshots, grantKeyAccess }).toEqual({
        includeSnapshots: false,
        grantKeyAccess: false,
      });
      const scope = { account: OWN, region: 'us-east-1' };
      expect(await service.gateway.launchPermissions(scope, imageId)).toEqual(wanted);
    } else {
      await expect(change()).rejects.toMatchObject({ code: expected, status: 422 });
      expect((await service.control.calls()).mutations).toBe(0);
    }
  });
});
