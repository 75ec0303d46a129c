import { PATIENCE } from '../helpers/waiting.ts';
import { OWN } from '../helpers/account.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PermissionInput } from '../../src/commands/change-permissions.ts';
import { cancelJob } from '../../src/commands/cancel-job.ts';
import { changePermissions, permissionRequest } from '../../src/commands/change-permissions.ts';
import { retryJob } from '../../src/commands/retry-job.ts';
import { viewPermissions } from '../../src/commands/view-permissions.ts';
import type { Principal } from '../../src/domain/access.ts';
import { snapshotIdsOf } from '../../src/domain/ami.ts';
import { grantName, keyPolicyStatements } from '../../src/domain/key-policy.ts';
import { changeFailed } from '../../src/domain/permission-transitions.ts';
import type { PermissionsJob } from '../../src/domain/job.ts';
import type { PermissionChange, PermissionSet } from '../../src/domain/permissions.ts';
import { NOBODY } from '../../src/domain/permissions.ts';
import { AwsGateway } from '../../src/aws/ec2/aws-gateway.ts';
import type { Service } from '../helpers/service.ts';
import { GOLDEN_WEB, startService, testCredentials, TESTER, untilChanged } from '../helpers/service.ts';
import { whileInFlight } from '../helpers/meanwhile.ts';

const DB = { imageId: 'ami-0a1b2c3d4e5f60002', account: OWN, region: 'us-east-1' };
const scope = { account: OWN, region: 'us-east-1' };
const A = '222222222222';
const B = '333333333333';
const C = '444444444444';
const ORGANIZATION = 'arn:aws:organizations::111111111111:organization/o-a1b2c3d4e5';
const UNIT = 'arn:aws:organizations::111111111111:ou/o-a1b2c3d4e5/ou-ab12-11111111';

/** Who may share, and may not publish. */
const SHARER: Principal = { ...TESTER, scopes: new Set(['amis:read', 'amis:share']) };

let service: Service;
let others: AwsGateway;
beforeEach(async () => {
  service = await startService({ simulator: { blockPublicAccess: 'unblocked' } });
  others = new AwsGateway({
    endpoint: service.simulator.url,
    credentialsOf: testCredentials,
    requestTimeoutMs: PATIENCE,
    maxAttempts: 2,
  });
});
afterEach(async () => {
  others.close();
  await service.stop();
});

const put = (input: PermissionInput): PermissionChange => ({ mode: 'set', set: permissionRequest(input) });
const patch = (add: PermissionInput, remove: PermissionInput = {}): PermissionChange => ({
  mode: 'patch',
  add: permissionRequest(add),
  remove: permissionRequest(remove),
});
const set = (more: Partial<PermissionSet>): PermissionSet => ({ ...NOBODY, ...more });

async function ask(what: PermissionChange, image = GOLDEN_WEB, who = TESTER): Promise<string> {
  return (await changePermissions(service, image, what, who)).id;
}

async function change(what: PermissionChange, image = GOLDEN_WEB): Promise<PermissionsJob> {
  return untilChanged(service, await ask(what, image));
}

/** Outside hands: somebody else, with a client of his own, changes EC2 directly. */
const outside = {
  give: (more: Partial<PermissionSet>, image = GOLDEN_WEB) =>
    others.modifyLaunchPermissions(scope, image.imageId, set(more), NOBODY),
  take: (more: Partial<PermissionSet>, image = GOLDEN_WEB) =>
    others.modifyLaunchPermissions(scope, image.imageId, NOBODY, set(more)),
};

const launchers = (image = GOLDEN_WEB) => service.gateway.launchPermissions(scope, image.imageId);

async function snapshotsOf(image = GOLDEN_WEB): Promise<string[]> {
  const found = await service.gateway.describeImage(scope, image.imageId);
  return snapshotIdsOf(found === null ? [] : [found]);
}

async function get(id: string): Promise<PermissionsJob> {
  const job = await service.store.get(id);
  if (job?.kind !== 'permissions') throw new Error(`there is no change ${id}`);
  return job;
}

/** Steps until a change has saved how it was before, and so has had its first try. */
async function untilTried(id: string): Promise<void> {
  await service.until(async () => (await get(id)).state === 'running');
}

/** EC2 or KMS refuses the next calls of an action. */
const throttle = (action: string, times = 1) =>
  service.control.fault({ action, error: 'RequestLimitExceeded', times });
const breakDown = (action: string, times: number) =>
  service.control.fault({ action, error: 'InternalError', status: 500, times });

describe('a change goes by what is there now', () => {
  test('a PATCH that is tried again gives nothing back that was revoked meanwhile', async () => {
    await outside.give({ public: true, accounts: [C] });
    await throttle('ModifyImageAttribute');
    const id = await ask(patch({}, { accounts: [C] }));
    await untilTried(id);
    await outside.take({ public: true });
    expect(await untilChanged(service, id)).toMatchObject({ state: 'succeeded' });
    expect(await launchers()).toEqual(NOBODY);
  });

  test('a PUT says what others changed while it was made', async () => {
    await throttle('ModifyImageAttribute');
    const id = await ask(put({ accounts: [A] }));
    await untilTried(id);
    await outside.give({ accounts: [C] });
    const job = await untilChanged(service, id);
    expect(job).toMatchObject({ state: 'succeeded', after: { accounts: [A] } });
    expect(job.warnings).toMatchObject([{ code: 'changed-meanwhile', message: expect.stringContaining(C) }]);
  });
});

describe('what was authorised', () => {
  test('a PUT without amis:publish makes nothing public that is private by then, nor does its retry', async () => {
    await outside.give({ public: true });
    const first = await ask(put({}));
    const id = await ask(put({ public: true }), GOLDEN_WEB, SHARER);
    await untilChanged(service, first);
    expect(await untilChanged(service, id)).toMatchObject({
      state: 'failed',
      error: { code: 'missing-scope' },
    });
    expect(await launchers()).toEqual(NOBODY);

    await outside.give({ public: true });
    await retryJob(service, id, SHARER).catch(() => {});
    await outside.take({ public: true });
    await service.steps.runDue();
    expect(await launchers()).toEqual(NOBODY);
  });
});

describe('a withdrawal', () => {
  test('overtakes a change that is stuck, which ends as failed and gives nothing more', async () => {
    await throttle('ModifyImageAttribute', 2);
    const stuck = await ask(put({ public: true }));
    await untilTried(stuck);
    const id = await ask(put({}));
    expect(await untilChanged(service, id)).toMatchObject({ state: 'succeeded' });
    expect(await untilChanged(service, stuck)).toMatchObject({
      state: 'failed',
      error: { code: 'superseded' },
    });
    expect(await launchers()).toEqual(NOBODY);
  });

  test('leaves alone a change that gives nothing of what it takes', async () => {
    await outside.give({ accounts: [C] });
    const adding = await ask(patch({ accounts: [A] }));
    const removing = await ask(patch({}, { accounts: [C] }));
    await untilChanged(service, removing);
    expect(await untilChanged(service, adding)).toMatchObject({ state: 'succeeded' });
    expect((await launchers()).accounts).toEqual([A]);
  });

  test('does not stop a change that was accepted after it', async () => {
    const removing = await ask(put({}));
    const adding = await ask(put({ accounts: [A] }));
    expect(await untilChanged(service, adding)).toMatchObject({ state: 'succeeded' });
    expect(await untilChanged(service, removing)).toMatchObject({ state: 'succeeded' });
    expect((await launchers()).accounts).toEqual([A]);
  });
});

test('a running change can be cancelled: what it gave is taken back, and what others gave stays', async () => {
  await throttle('ModifySnapshotAttribute', 2);
  const id = await ask(patch({ accounts: [A], includeSnapshots: true }));
  await service.until(async () => (await launchers()).accounts.includes(A));
  await outside.give({ accounts: [C] });
  await cancelJob(service, id, TESTER);
  expect(await untilChanged(service, id)).toMatchObject({ state: 'cancelled', after: { accounts: [C] } });
  expect((await launchers()).accounts).toEqual([C]);
});

test('a step that is overtaken while its call is under way takes back what the call gave', async () => {
  const ended = { code: 'internal-error', message: 'ended by another', retryable: false } as const;
  const id = await ask(patch({ accounts: [A] }));
  whileInFlight(service, 'modifyLaunchPermissions', () =>
    service.store.update(id, changeFailed({ ...ended, awsCode: null, awsRequestId: null }, null)),
  );
  await service.steps.runDue();
  expect((await service.control.calls()).calls['ModifyImageAttribute']).toEqual({ [GOLDEN_WEB.region]: 2 });
  expect(await launchers()).toEqual(NOBODY);
});

test('a change that fails takes back what it gave and nothing else, and does not stay public', async () => {
  await service.control.fault({
    action: 'ModifySnapshotAttribute',
    error: 'UnauthorizedOperation',
    status: 403,
    times: 1,
  });
  await outside.give({ accounts: [B] });
  const job = await change(patch({ public: true, accounts: [A, B], includeSnapshots: true }));
  expect(job).toMatchObject({ state: 'failed', after: { public: false, accounts: [B] } });
  expect(await launchers()).toEqual(set({ accounts: [B] }));
});

describe('the order of changes', () => {
  test('is that of the writes, whatever the clock of the API that accepts them', async () => {
    const first = await ask(put({ accounts: [A] }));
    service.store.ahead -= 60_000;
    const second = await ask(put({ accounts: [B] }));
    service.store.ahead += 60_000;
    await untilChanged(service, first);
    await untilChanged(service, second);
    expect((await launchers()).accounts).toEqual([B]);
  });
});

describe('keys', () => {
  const grants = async () => {
    const image = await service.gateway.describeImage(scope, DB.imageId);
    const [snapshot] = await service.gateway.describeSnapshots(
      scope,
      snapshotIdsOf(image === null ? [] : [image]),
    );
    const held = await service.kms.findGrants(scope, snapshot?.kmsKeyId ?? '', grantName(DB.imageId, ''));
    return held.map(({ name }) => name);
  };

  test('a PATCH with grantKeyAccess grants to the accounts that it adds, and to no others', async () => {
    await outside.give({ accounts: [B] }, DB);
    expect(await change(patch({ accounts: [A], grantKeyAccess: true }), DB)).toMatchObject({
      state: 'succeeded',
    });
    expect(await grants()).toEqual([grantName(DB.imageId, A)]);
  });

  test('are taken back although one answer of EC2 hides which key it is', async () => {
    await change(put({ accounts: [A], grantKeyAccess: true }), DB);
    const id = await ask(put({}), DB);
    await service.control.fault({ action: 'DescribeSnapshots', omits: ['kmsKeyId'] });
    expect(await untilChanged(service, id)).toMatchObject({ state: 'succeeded' });
    expect(await grants()).toEqual([]);
  });

  test('that a change gave are taken back by their ids: KMS may not list them yet', async () => {
    const ended = { code: 'internal-error', message: 'ended by another', retryable: false } as const;
    const id = await ask(put({ accounts: [A], grantKeyAccess: true }), DB);
    const { findGrants, createGrant } = service.kms;
    service.kms.createGrant = async (...args) => {
      const made = await createGrant.apply(service.kms, args);
      service.kms.findGrants = async () => [];
      await service.store.update(id, changeFailed({ ...ended, awsCode: null, awsRequestId: null }, null));
      return made;
    };
    await service.steps.runDue();
    service.kms.findGrants = findGrants;
    expect(await grants()).toEqual([]);
  });

  test('are granted before the image is shared', async () => {
    await breakDown('CreateGrant', 4);
    const id = await ask(put({ accounts: [A], grantKeyAccess: true }), DB);
    await untilTried(id);
    expect(await launchers(DB)).toEqual(NOBODY);
    expect(await untilChanged(service, id)).toMatchObject({ state: 'succeeded' });
    expect((await launchers(DB)).accounts).toEqual([A]);
  });

  test('for organizations and units are a matter of the key policy, also with grantKeyAccess', async () => {
    const asked = { organizations: [ORGANIZATION], organizationalUnits: [UNIT], grantKeyAccess: true };
    const job = await change(put(asked), DB);
    expect(job.warnings).toMatchObject([
      { code: 'key-policy-needed', message: expect.stringContaining('key policy') },
      { code: 'auto-scaling-grant-needed', message: expect.stringContaining('arn:aws:iam::ACCOUNT:role/') },
    ]);
    expect(job.warnings[0]?.statements).toEqual(
      keyPolicyStatements(
        { accounts: [], organizations: [ORGANIZATION], organizationalUnits: [UNIT] },
        scope.region,
      ),
    );
    const conditions = job.warnings[0]?.statements?.map(({ Principal, Condition }) => ({
      Principal,
      ...Condition,
    }));
    const bool = { Bool: { 'kms:GrantIsForAWSResource': 'true' } };
    const organization = { Principal: '*', StringEquals: { 'aws:PrincipalOrgID': ['o-a1b2c3d4e5'] } };
    const paths = { 'aws:PrincipalOrgPaths': ['o-a1b2c3d4e5/*/ou-ab12-11111111/*'] };
    const unit = { Principal: '*', 'ForAnyValue:StringLike': paths };
    const role =
      'arn:aws:iam::*:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling*';
    const autoScaling = { StringLike: { 'kms:GranteePrincipal': [role] } };
    expect(conditions).toEqual(
      [organization, unit].flatMap((one) => [one, { ...one, ...bool }, { ...one, ...autoScaling }]),
    );
  });
});

describe('snapshots', () => {
  test('a change takes away only what it names, snapshot by snapshot', async () => {
    const [first = '', second = ''] = await snapshotsOf();
    await service.gateway.modifySnapshotPermissions(scope, first, 'add', { public: false, accounts: [C] });
    await service.gateway.modifySnapshotPermissions(scope, second, 'add', { public: true, accounts: [] });
    const job = await change(patch({ accounts: [A], includeSnapshots: true }));
    expect(job).toMatchObject({
      before: { publicSnapshots: [second] },
      after: { publicSnapshots: [second] },
    });
    expect((await viewPermissions(service, GOLDEN_WEB)).publicSnapshots).toEqual([second]);
    expect(await service.gateway.snapshotPermissions(scope, first)).toEqual({
      public: false,
      accounts: [A, C],
    });
    expect(await service.gateway.snapshotPermissions(scope, second)).toEqual({ public: true, accounts: [A] });

    await change(patch({}, { accounts: [C] }));
    expect((await service.gateway.snapshotPermissions(scope, first)).accounts).toEqual([A]);
    await change(put({ accounts: [A], includeSnapshots: true }));
    expect((await viewPermissions(service, GOLDEN_WEB)).publicSnapshots).toEqual([]);
  });

  test('includeSnapshots with public is refused for a true reason without accounts, and taken with them', async () => {
    await expect(ask(put({ public: true, includeSnapshots: true }))).rejects.toMatchObject({
      code: 'validation-failed',
      message: expect.stringContaining('this service makes no snapshot public'),
    });
    const job = await change(put({ public: true, accounts: [A], includeSnapshots: true }));
    expect(job).toMatchObject({ state: 'succeeded', after: { public: true, snapshotAccounts: [A] } });
  });

  test('are waited for while EC2 does not name all of them yet', async () => {
    const describe = service.gateway.describeImage.bind(service.gateway);
    let loose = 2;
    service.gateway.describeImage = async (...args) => {
      const image = await describe(...args);
      loose -= 1;
      if (image === null || loose < 0) return image;
      return { ...image, snapshots: image.snapshots.map((one) => ({ ...one, snapshotId: null })) };
    };
    const job = await change(put({ accounts: [A], includeSnapshots: true }));
    expect(job).toMatchObject({ state: 'succeeded', after: { accounts: [A], snapshotAccounts: [A] } });
    for (const id of await snapshotsOf())
      expect((await service.gateway.snapshotPermissions(scope, id)).accounts).toEqual([A]);
  });

  test('of an image without any, from an instance store, keep no change from ending', async () => {
    const describe = service.gateway.describeImage.bind(service.gateway);
    service.gateway.describeImage = async (...args) => {
      const image = await describe(...args);
      return image && { ...image, snapshots: [], ebsBacked: false };
    };
    const job = await change(put({ accounts: [A], includeSnapshots: true }));
    expect(job).toMatchObject({ state: 'succeeded', after: { accounts: [A] } });
  });
});
