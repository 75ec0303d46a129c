import { afterEach, describe, expect, test } from 'vitest';
import { changePermissions, permissionRequest } from '../../src/commands/change-permissions.ts';
import { cancelJob } from '../../src/commands/cancel-job.ts';
import { retryJob } from '../../src/commands/retry-job.ts';
import type { CopyRequest } from '../../src/commands/request-copy.ts';
import { viewPermissions } from '../../src/commands/view-permissions.ts';
import { dueHolds } from '../../src/domain/holds.ts';
import type { ImageName } from '../../src/domain/ami.ts';
import type { PermissionChange } from '../../src/domain/permissions.ts';
import type { PolicySource } from '../../src/domain/policy.ts';
import { OWN } from '../helpers/account.ts';
import { B, C, testAccounts } from '../helpers/accounts.ts';
import type { Service, ServiceOptions } from '../helpers/service.ts';
import { GOLDEN_WEB, startService, TESTER, untilChanged } from '../helpers/service.ts';

const GOLDEN_DB = { ...GOLDEN_WEB, imageId: 'ami-0a1b2c3d4e5f60002' };
const UNDER_AWS_KEY = { ...GOLDEN_WEB, imageId: 'ami-0a1b2c3d4e5f60003' };
const REGIONS = ['us-east-1', 'eu-west-1', 'us-west-2'];
const into = (account: string, regions = REGIONS) =>
  regions.map((region) => ({ account, region, kmsKeyId: 'alias/ami' }));

let service: Service;
afterEach(() => service.stop());

/** Copies take so long that they are pending while a test does something else, however slow the machine is. */
async function start({ simulator, ...options }: ServiceOptions = {}): Promise<void> {
  service = await startService({
    accounts: testAccounts(),
    simulator: { copySeconds: 20, ...simulator },
    ...options,
  });
}

const copy = (destinations: CopyRequest['destinations'], source: ImageName = GOLDEN_WEB) =>
  service.copy({ destinations }, source);

const ALLOWED = {
  sourceRegions: ['*'],
  destinationRegions: ['*'],
  destinationAccounts: ['*'],
  kmsKeys: ['*'],
  accounts: ['*'],
  organizations: [],
  organizationalUnits: [],
  allowPublic: false,
  allowKeyGrants: true,
};

/** A policy that changes with `rules`. */
const policyOf = (rules: typeof ALLOWED): PolicySource => ({
  current: () => ({ version: 'test', principals: { [TESTER.id]: rules } }),
});

/** All access to an image that EC2 and KMS know of. */
async function accessTo(source: ImageName) {
  const image = await service.gateway.describeImage(source, source.imageId);
  const ids = (image?.snapshots ?? []).flatMap(({ snapshotId }) => snapshotId ?? []);
  const snapshots = await service.gateway.describeSnapshots(source, ids);
  const keys = [...new Set(snapshots.flatMap(({ kmsKeyId }) => kmsKeyId ?? []))];
  return {
    launch: (await service.gateway.launchPermissions(source, source.imageId)).accounts,
    snapshots: await Promise.all(
      ids.map(async (id) => (await service.gateway.snapshotPermissions(source, id)).accounts),
    ),
    grants: (await Promise.all(keys.map((key) => service.kms.findGrants(source, key, '')))).flat(),
  };
}

async function change(asked: PermissionChange, source: ImageName = GOLDEN_WEB) {
  const { id } = await changePermissions(service, source, asked, TESTER);
  const job = await untilChanged(service, id);
  expect(job.state).toBe('succeeded');
  return job;
}

const put = (accounts: string[]): PermissionChange => ({ mode: 'set', set: permissionRequest({ accounts }) });
const add = (accounts: string[], includeSnapshots = true): PermissionChange => ({
  mode: 'patch',
  add: permissionRequest({ accounts, includeSnapshots }),
  remove: permissionRequest({}),
});

const holdsOf = async (source: ImageName = GOLDEN_WEB) => (await viewPermissions(service, source)).holds;

/** Runs until a job's copies have ended and nothing is held for it. */
async function untilReleased(id: string) {
  const job = await service.untilFinished(id);
  await service.until(async () => {
    const now = await service.store.get(id);
    return now !== null && dueHolds(now).length === 0;
  });
  return job;
}

const untilPending = (id: string) =>
  service.untilJob(id, ({ destinations }) => destinations.every(({ state }) => state === 'pending'));

describe('copies into other accounts', () => {
  test('of an encrypted image: six images, six calls, and the access to the source is as before', async () => {
    await start();
    const before = await accessTo(GOLDEN_DB);
    const { id } = await copy([...into(B), ...into(C)], GOLDEN_DB);
    await untilPending(id);
    expect(await holdsOf(GOLDEN_DB)).toEqual([
      { account: B, jobs: [id] },
      { account: C, jobs: [id] },
    ]);
    const during = await accessTo(GOLDEN_DB);
    expect(during.launch).toEqual([B, C]);
    for (const accounts of during.snapshots) expect(accounts).toEqual([B, C]);
    expect(during.grants).toHaveLength(before.grants.length + 2);
    const { destinations } = await untilReleased(id);
    expect(destinations.map(({ state }) => state)).toEqual(Array(6).fill('succeeded'));
    for (const { spec, imageId, kmsKeyId } of destinations) {
      const image = await service.gateway.describeImage(spec, imageId ?? '');
      expect(image).toMatchObject({ ownerId: spec.account, region: spec.region });
      expect(kmsKeyId).toContain(`:${spec.region}:${spec.account}:key/`);
    }
    expect(await accessTo(GOLDEN_DB)).toEqual(before);
    expect(await holdsOf(GOLDEN_DB)).toEqual([]);
    const { copyImage } = await service.control.calls();
    expect(copyImage.map(({ account }) => account).toSorted()).toEqual([B, B, B, C, C, C]);
  });

  test('take back the access of each account when its own copies are made, and record it in the audit', async () => {
    await start();
    await service.control.fault({ action: 'CopyImage', account: C, times: 1, error: 'RequestLimitExceeded' });
    const { id } = await copy([...into(B, ['eu-west-1']), ...into(C, ['eu-west-1'])]);
    await untilReleased(id);
    const entries = await service.audit.list({ limit: 100 });
    const about = entries.entries.filter(({ jobId }) => jobId === id);
    const given = about.filter(({ action }) => action === 'hold-source');
    expect(given).toMatchObject([{ outcome: 'done', what: { accounts: [B, C] }, principal: TESTER.id }]);
    expect(given[0]?.after?.accounts).toEqual([B, C]);
    const released = about.filter(({ action }) => action === 'release-source');
    expect(released.at(-1) ?? released[0]).toMatchObject({ outcome: 'done' });
    expect(released.flatMap(({ awsRequestIds }) => awsRequestIds).length).toBeGreaterThan(0);
  });

  test('leave an account what it had before', async () => {
    await start();
    await change(add([B]));
    const before = await accessTo(GOLDEN_WEB);
    const { id } = await copy(into(B));
    await untilPending(id);
    expect(await holdsOf()).toEqual([]);
    await untilReleased(id);
    expect(await accessTo(GOLDEN_WEB)).toEqual(before);
  });

  test('leave an account what another request has given it meanwhile', async () => {
    await start();
    const { id } = await copy(into(B));
    await untilPending(id);
    await change(add([B], false));
    await untilReleased(id);
    const { launch, snapshots } = await accessTo(GOLDEN_WEB);
    expect(launch).toEqual([B]);
    for (const accounts of snapshots) expect(accounts).toEqual([]);
  });

  test('keep their access although a PUT takes it away: the image is private when they are made', async () => {
    await start();
    const { id } = await copy(into(B));
    await untilPending(id);
    const { warnings } = await change(put([]));
    expect(warnings).toMatchObject([{ code: 'held-for-copies', message: expect.stringContaining(id) }]);
    expect((await accessTo(GOLDEN_WEB)).launch).toEqual([B]);
    const { destinations } = await untilReleased(id);
    expect(destinations.map(({ state }) => state)).toEqual(REGIONS.map(() => 'succeeded'));
    const { launch, snapshots } = await accessTo(GOLDEN_WEB);
    expect([launch, ...snapshots].flat()).toEqual([]);
  });

  test('keep the access that a PUT takes away and that the account had before them; then it is taken', async () => {
    await start();
    await change(add([B, C]));
    const { id } = await copy(into(B));
    await untilPending(id);
    await change(put([]));
    expect((await accessTo(GOLDEN_WEB)).launch).toEqual([B]);
    expect(await holdsOf()).toEqual([{ account: B, jobs: [id] }]);
    await untilReleased(id);
    const { launch, snapshots } = await accessTo(GOLDEN_WEB);
    expect([launch, ...snapshots].flat()).toEqual([]);
  });

  test('of two jobs: the end of one takes nothing from the other', async () => {
    await start();
    const first = await copy(into(B, ['eu-west-1']));
    const second = await copy(into(B, ['us-west-2']));
    await untilPending(first.id);
    await untilPending(second.id);
    await cancelJob(service, first.id, TESTER);
    await service.untilFinished(first.id);
    await service.steps.runDue();
    expect((await service.store.get(second.id))?.finishedAt).toBeNull();
    expect((await accessTo(GOLDEN_WEB)).launch).toEqual([B]);
    expect(await holdsOf()).toEqual([{ account: B, jobs: [second.id] }]);
    expect((await untilReleased(second.id)).destinations[0]?.state).toBe('succeeded');
    expect(await accessTo(GOLDEN_WEB)).toMatchObject({ launch: [] });
    expect(await holdsOf()).toEqual([]);
  });

  test('that were never started hold nothing', async () => {
    await start();
    const { id } = await copy(into(B));
    await cancelJob(service, id, TESTER);
    await untilReleased(id);
    expect((await accessTo(GOLDEN_WEB)).launch).toEqual([]);
    expect((await service.control.calls()).copyImage).toEqual([]);
  });

  test('whose access another tool has taken away get it again', async () => {
    await start({ settings: { copySlots: 1 } });
    const { id } = await copy(into(B, ['eu-west-1']));
    const { id: other } = await copy(into(B, ['eu-west-1']));
    await untilPending(id);
    const nobody = permissionRequest({});
    const b = permissionRequest({ accounts: [B] });
    await service.gateway.modifyLaunchPermissions(GOLDEN_WEB, GOLDEN_WEB.imageId, nobody, b);
    expect((await untilReleased(other)).destinations[0]?.state).toBe('succeeded');
    await untilReleased(id);
    expect((await accessTo(GOLDEN_WEB)).launch).toEqual([]);
  });

  test('that are retried get access again, and it is taken back again', async () => {
    await start();
    await service.control.fault({ action: 'CopyImage', copyFails: { reason: 'broken' } });
    const { id } = await copy(into(B, ['eu-west-1']));
    expect((await untilReleased(id)).destinations[0]?.state).toBe('failed');
    expect((await accessTo(GOLDEN_WEB)).launch).toEqual([]);
    await retryJob(service, id, TESTER);
    expect((await untilReleased(id)).destinations[0]?.state).toBe('succeeded');
    expect((await accessTo(GOLDEN_WEB)).launch).toEqual([]);
  });

  test('of an image under the AWS managed key are refused before any call', async () => {
    await start();
    await expect(copy(into(B), UNDER_AWS_KEY)).rejects.toMatchObject({ code: 'aws-managed-key' });
  });

  test('of accounts whose role stays refused leave nothing shared', async () => {
    await start({ simulator: { sessionSeconds: 60 } });
    const { id } = await copy([...into(B), { account: OWN, region: 'eu-west-1' }]);
    await service.control.fault({ action: 'AssumeRole', times: 100_000, error: 'AccessDenied' });
    const { destinations } = await untilReleased(id);
    expect(destinations.map(({ state }) => state)).toEqual(['failed', 'failed', 'failed', 'succeeded']);
    expect(destinations[0]?.error?.code).toBe('account-not-reachable');
    expect((await accessTo(GOLDEN_WEB)).launch).toEqual([]);
  });

  test('that the policy refuses before they begin let go of what was kept for them', async () => {
    const rules = { ...ALLOWED };
    await start({ policy: policyOf(rules) });
    await change(add([B]));
    const { id: withdrawal } = await changePermissions(service, GOLDEN_WEB, put([]), TESTER);
    const { id } = await copy(into(B));
    rules.destinationAccounts = [];
    const { warnings } = await untilChanged(service, withdrawal);
    expect(warnings).toMatchObject([{ code: 'held-for-copies' }]);
    const { destinations } = await untilReleased(id);
    expect(destinations.map(({ error }) => error?.code)).toEqual(REGIONS.map(() => 'outside-policy'));
    const { launch, snapshots } = await accessTo(GOLDEN_WEB);
    expect([launch, ...snapshots].flat()).toEqual([]);
  });

  test('that the policy refuses in one region are made in the others', async () => {
    const rules = { ...ALLOWED };
    await start({ policy: policyOf(rules) });
    const { id } = await copy(into(B, ['eu-west-1', 'us-west-2']));
    rules.destinationRegions = ['us-west-2'];
    const { destinations } = await untilReleased(id);
    expect(destinations.map(({ state }) => state)).toEqual(['failed', 'succeeded']);
  });

  test('get their access although EC2 refuses that of another account', async () => {
    await start();
    // EC2 refuses the whole call; of the calls for one account each, it refuses the first.
    await service.control.fault({
      action: 'ModifyImageAttribute',
      times: 2,
      error: 'InvalidAMIAttributeItemValue',
    });
    const { id } = await copy([...into(B, ['eu-west-1']), ...into(C, ['eu-west-1'])]);
    const { destinations } = await untilReleased(id);
    expect(destinations.map(({ state }) => state)).toEqual(['failed', 'succeeded']);
    expect((await accessTo(GOLDEN_WEB)).launch).toEqual([]);
  });

  test('that EC2 is making go on although access can not be given for others', async () => {
    await start();
    await service.control.fault({
      action: 'CopyImage',
      region: 'eu-west-1',
      times: 1,
      error: 'InvalidRequest',
    });
    const { id } = await copy(into(B, ['eu-west-1', 'us-west-2']));
    await service.untilJob(
      id,
      ({ destinations: [eu, us] }) => eu?.state === 'failed' && us?.state === 'pending',
    );
    await service.control.fault({
      action: 'DescribeImageAttribute',
      times: 1,
      error: 'UnauthorizedOperation',
    });
    await retryJob(service, id, TESTER);
    const { destinations } = await untilReleased(id);
    expect(destinations.map(({ state }) => state)).toEqual(['failed', 'succeeded']);
  });

  test('wait where EC2 does not know the image for a moment', async () => {
    await start();
    const { id } = await copy(into(B, ['eu-west-1']));
    await service.control.fault({
      action: 'DescribeImageAttribute',
      times: 1,
      error: 'InvalidAMIID.NotFound',
    });
    expect((await untilReleased(id)).destinations[0]?.state).toBe('succeeded');
  });

  test('of an image whose key the service can not grant leave no trace of a grant', async () => {
    await start();
    for (const action of ['CreateGrant', 'ListGrants'])
      await service.control.fault({ action, times: 100_000, error: 'AccessDeniedException' });
    const { id } = await copy(into(B, ['eu-west-1']), GOLDEN_DB);
    await untilReleased(id);
    const { warnings } = (await service.store.get(id)) ?? {};
    expect(warnings?.map(({ code }) => code)).not.toContain('source-still-shared');
    expect(await holdsOf(GOLDEN_DB)).toEqual([]);
    await service.control.clearFaults();
    expect((await accessTo(GOLDEN_DB)).launch).toEqual([]);
  });

  test('say which grant is left where KMS no longer lets it be revoked; a later withdrawal does not fail for it', async () => {
    await start();
    const { id } = await copy(into(B, ['eu-west-1']), GOLDEN_DB);
    await untilPending(id);
    await service.control.fault({ action: 'ListGrants', times: 100_000, error: 'AccessDeniedException' });
    await untilReleased(id);
    const { warnings } = (await service.store.get(id)) ?? {};
    expect(warnings?.map(({ code }) => code)).toEqual(['key-grants-left']);
    expect(await holdsOf(GOLDEN_DB)).toEqual([{ account: B, jobs: [] }]);
    const changed = await change(put([]), GOLDEN_DB);
    expect(changed.warnings.map(({ code }) => code)).toContain('key-grants-left');
    await service.control.clearFaults();
    expect((await accessTo(GOLDEN_DB)).launch).toEqual([]);
  });

  test('of an image that is deregistered meanwhile take back the access to its snapshots and its key', async () => {
    await start();
    const image = await service.gateway.describeImage(GOLDEN_DB, GOLDEN_DB.imageId);
    const ids = (image?.snapshots ?? []).flatMap(({ snapshotId }) => snapshotId ?? []);
    const { grants } = await accessTo(GOLDEN_DB);
    const [key = ''] = (await service.gateway.describeSnapshots(GOLDEN_DB, ids)).flatMap(
      ({ kmsKeyId }) => kmsKeyId ?? [],
    );
    const { id } = await copy(into(B, ['eu-west-1']), GOLDEN_DB);
    await untilPending(id);
    await service.gateway.deregisterImage(GOLDEN_DB, GOLDEN_DB.imageId);
    await untilReleased(id);
    for (const snapshotId of ids)
      expect((await service.gateway.snapshotPermissions(GOLDEN_DB, snapshotId)).accounts).toEqual([]);
    expect(await service.kms.findGrants(GOLDEN_DB, key, '')).toEqual(grants);
    expect((await service.store.get(id))?.warnings).toEqual([]);
  });

  test('end, and say what is still shared, where it can not be taken back', async () => {
    await start();
    const { id } = await copy(into(B, ['eu-west-1']));
    await untilPending(id);
    await service.control.fault({
      action: 'ModifyImageAttribute',
      times: 100_000,
      error: 'UnauthorizedOperation',
    });
    await untilReleased(id);
    const { warnings } = (await service.store.get(id)) ?? {};
    expect(warnings).toMatchObject([
      { code: 'source-still-shared', message: expect.stringContaining(`"remove":{"accounts":["${B}"]}`) },
    ]);
    expect(await holdsOf()).toEqual([{ account: B, jobs: [] }]);
    await service.control.clearFaults();
    await change(put([]));
    expect((await accessTo(GOLDEN_WEB)).launch).toEqual([]);
    expect(await holdsOf()).toEqual([]);
  });
});
