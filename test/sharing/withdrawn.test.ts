import { OWN } from '../helpers/account.ts';
import { afterEach, expect, test } from 'vitest';
import { changePermissions, permissionRequest } from '../../src/commands/change-permissions.ts';
import { viewPermissions } from '../../src/commands/view-permissions.ts';
import type { Principal } from '../../src/domain/access.ts';
import { ANONYMOUS } from '../../src/domain/access.ts';
import { grantName } from '../../src/domain/key-policy.ts';
import type { PermissionsJob } from '../../src/domain/job.ts';
import type { Policy } from '../../src/domain/policy.ts';
import { NO_POLICY } from '../../src/domain/policy.ts';
import { EVERYTHING, TestPolicy } from '../helpers/access.ts';
import type { Service } from '../helpers/service.ts';
import { startService, untilChanged } from '../helpers/service.ts';

const A = '222222222222';
const B = '333333333333';
/** Encrypted under a customer key, so that a share is calls to EC2 for image and snapshots, and to KMS. */
const DB = { imageId: 'ami-0a1b2c3d4e5f60002', account: OWN, region: 'us-east-1' };
const scope = { account: OWN, region: DB.region };
const ci: Principal = { ...ANONYMOUS, id: 'key:ci' };
const SHARE = {
  mode: 'set',
  set: permissionRequest({ accounts: [A, B], includeSnapshots: true, grantKeyAccess: true }),
} as const;

let service: Service;
afterEach(() => service.stop());

/** The worker's policy: allows all, and after so many looks one account less. */
class WithdrawnPolicy {
  readonly #before = new TestPolicy({ 'key:ci': EVERYTHING });
  readonly #after = new TestPolicy({ 'key:ci': { ...EVERYTHING, accounts: [A] } });
  looksLeft = 0;

  current(): Policy {
    this.looksLeft -= 1;
    return (this.looksLeft < 0 ? this.#after : this.#before).current();
  }
}

/** Asks for the share while the policy still has all of it. */
async function request(): Promise<PermissionsJob> {
  const policy = new TestPolicy({ 'key:ci': EVERYTHING });
  return untilChanged(service, (await changePermissions({ ...service, policy }, DB, SHARE, ci)).id);
}

async function grants(): Promise<string[]> {
  const { encryption } = await viewPermissions(service, DB);
  const [keyId = ''] = encryption.kmsKeyIds;
  const found = await service.kms.findGrants(scope, keyId, grantName(DB.imageId, ''));
  return found.map(({ name }) => name);
}

test('a policy that is withdrawn between two calls of a change leaves nothing shared, wherever that is', async () => {
  const policy = new WithdrawnPolicy();
  service = await startService({ policy });
  let looks = 0;
  for (; ; looks += 1) {
    policy.looksLeft = looks;
    const job = await request();
    if (job.state === 'succeeded') break;
    expect(job).toMatchObject({ state: 'failed', error: { code: 'policy-withdrawn' } });
    expect(await viewPermissions(service, DB)).toMatchObject({ visibility: 'private', snapshotAccounts: [] });
    expect(await grants()).toEqual([]);
    const { entries } = await service.audit.list({ limit: 1, action: 'share-image' });
    expect(entries).toMatchObject([
      { jobId: job.id, outcome: 'refused', reasons: [expect.stringContaining(B)] },
    ]);
  }
  // One look at the start, then one before the image, both snapshots and both grants.
  expect(looks).toBe(6);
  expect(await grants()).toHaveLength(2);
});

test('a worker that was given no policy shares nothing for somebody who was let in under one', async () => {
  service = await startService({ policy: NO_POLICY });
  expect(await request()).toMatchObject({
    state: 'failed',
    error: { code: 'policy-withdrawn', message: expect.stringContaining('set POLICY_FILE') },
  });
  expect((await service.control.calls()).mutations).toBe(0);
});
