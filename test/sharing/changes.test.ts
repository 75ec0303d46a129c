import { OWN } from '../helpers/account.ts';
import type { GrantOperation } from '@aws-sdk/client-kms';
import { CreateGrantCommand, KMSClient } from '@aws-sdk/client-kms';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PermissionInput } from '../../src/commands/change-permissions.ts';
import { changePermissions, permissionRequest } from '../../src/commands/change-permissions.ts';
import { viewPermissions } from '../../src/commands/view-permissions.ts';
import type { PermissionChange, PermissionSet } from '../../src/domain/permissions.ts';
import { minus, NO_REQUEST, NOBODY, normalise, plus } from '../../src/domain/permissions.ts';
import type { Service } from '../helpers/service.ts';
import { GOLDEN_WEB, startService, untilChanged, TESTER } from '../helpers/service.ts';

const DB = { imageId: 'ami-0a1b2c3d4e5f60002', account: OWN, region: 'us-east-1' };
const scope = { account: OWN, region: 'us-east-1' };
const A = '222222222222';
const B = '333333333333';
const C = '012345678901';

let service: Service;
beforeAll(async () => {
  service = await startService({ simulator: { blockPublicAccess: 'unblocked' } });
});
afterAll(() => service.stop());
beforeEach(() => service.control.reset());

const put = (input: PermissionInput): PermissionChange => ({ mode: 'set', set: permissionRequest(input) });
const patch = (add: PermissionInput, remove: PermissionInput = {}): PermissionChange => ({
  mode: 'patch',
  add: permissionRequest(add),
  remove: permissionRequest(remove),
});

async function change(what: PermissionChange, image = GOLDEN_WEB) {
  return untilChanged(service, (await changePermissions(service, image, what, TESTER)).id);
}

async function accounts(imageId = GOLDEN_WEB.imageId): Promise<string[]> {
  return (await service.gateway.launchPermissions(scope, imageId)).accounts;
}

describe('an image that EC2 does not show', () => {
  test('for one look ends no change: what it had given by then would stay', async () => {
    const { id } = await changePermissions(service, GOLDEN_WEB, patch({ accounts: [A] }), TESTER);
    const region = GOLDEN_WEB.region;
    await service.control.fault({
      action: 'ModifyImageAttribute',
      region,
      when: 'after',
      drop: true,
      times: 4,
    });
    await service.control.fault({ action: 'DescribeImages', region, empty: true, skip: 1, times: 2 });
    expect(await untilChanged(service, id)).toMatchObject({ state: 'succeeded', unseen: null });
    expect((await service.control.calls()).calls['DescribeImages']?.[region]).toBeGreaterThan(3);
    expect(await accounts()).toEqual([A]);
  });

  test('for several polls ends it, and says that it is gone', async () => {
    const { id } = await changePermissions(service, GOLDEN_WEB, patch({ accounts: [A] }), TESTER);
    await service.gateway.deregisterImage(scope, GOLDEN_WEB.imageId);
    const { state, error, unseen } = await untilChanged(service, id);
    expect([state, error?.code]).toEqual(['failed', 'image-not-found']);
    // How far the polls are apart is random: more of them may fit into the time.
    expect(unseen?.polls).toBeGreaterThanOrEqual(3);
  });
});

describe('a change', () => {
  test('records before and after, and nothing to do is a success without any call that changes', async () => {
    const first = await change(put({ accounts: [A] }));
    expect(first).toMatchObject({ before: { accounts: [] }, after: { accounts: [A] } });
    const { mutations } = await service.control.calls();
    const second = await change(put({ accounts: [A] }));
    expect(second).toMatchObject({ state: 'succeeded', before: { accounts: [A] }, after: { accounts: [A] } });
    expect((await service.control.calls()).mutations).toBe(mutations);
  });

  test('PUT is exact, PATCH adds and removes, and doing either twice is harmless', async () => {
    await change(put({ accounts: [A, B] }));
    await change(put({ accounts: [B, C] }));
    expect(await accounts()).toEqual([C, B]);
    for (let i = 0; i < 2; i += 1) await change(patch({ accounts: [A] }, { accounts: [B] }));
    expect(await accounts()).toEqual([C, A]);
  });

  test('private again after public and two accounts, twice in a row on two images', async () => {
    await service.control.addImage({
      imageId: 'ami-0000000000000000b',
      region: 'us-east-1',
      owner: '111111111111',
      name: 'second',
    });
    for (const image of [
      GOLDEN_WEB,
      { imageId: 'ami-0000000000000000b', account: OWN, region: 'us-east-1' },
    ]) {
      for (let i = 0; i < 2; i += 1) {
        await change(put({ public: true, accounts: [A, B] }), image);
        expect((await viewPermissions(service, image)).visibility).toBe('public');
        await change(put({}), image);
        expect(await service.gateway.launchPermissions(scope, image.imageId)).toEqual(NOBODY);
      }
    }
  });

  test('includeSnapshots gives and takes the snapshots along, and a withdrawn account loses them', async () => {
    await change(put({ accounts: [A, B], includeSnapshots: true }));
    expect((await viewPermissions(service, GOLDEN_WEB)).snapshotAccounts).toEqual([A, B]);
    await change(patch({}, { accounts: [A] }));
    expect((await viewPermissions(service, GOLDEN_WEB)).snapshotAccounts).toEqual([B]);
    await change(put({ accounts: [B] }));
    expect((await viewPermissions(service, GOLDEN_WEB)).snapshotAccounts).toEqual([]);
    const nobody = changePermissions(service, GOLDEN_WEB, put({ includeSnapshots: true }), TESTER);
    await expect(nobody).rejects.toMatchObject({ code: 'validation-failed' });
  });

  test('an account that EC2 refuses among good ones changes nothing', async () => {
    await change(put({ accounts: [A] }));
    await service.control.fault({
      action: 'ModifyImageAttribute',
      skip: 1,
      error: 'InvalidAMIAttributeItemValue',
      message: 'Invalid attribute item value "444444444444"',
    });
    // Three batches: the second is refused after the first was applied, and the first is put back.
    const many = Array.from({ length: 500 }, (_, i) => String(500_000_000_000 + i));
    const job = await change(patch({ accounts: many }));
    expect(job).toMatchObject({
      state: 'failed',
      error: { awsCode: 'InvalidAMIAttributeItemValue' },
      after: { accounts: [A] },
    });
    expect(await accounts()).toEqual([A]);
  });

  test('a thousand accounts go in batches, and one more is refused with the quota', async () => {
    const many = Array.from({ length: 1000 }, (_, i) => String(500_000_000_000 + i));
    expect(await change(put({ accounts: many }))).toMatchObject({ state: 'succeeded' });
    expect(await accounts()).toHaveLength(1000);
    const { calls } = await service.control.calls();
    expect(calls['ModifyImageAttribute']?.['us-east-1']).toBe(5);
    const over = changePermissions(service, GOLDEN_WEB, patch({ accounts: [A] }), TESTER);
    await expect(over).rejects.toMatchObject({
      code: 'too-many-sharees',
      message: expect.stringContaining('1000'),
    });
  });

  test("of another account's image is refused with a remedy", async () => {
    await service.control.addImage({
      imageId: 'ami-0000000000000000c',
      region: 'us-east-1',
      owner: '999999999999',
      name: 'theirs',
      public: true,
    });
    const theirs = { imageId: 'ami-0000000000000000c', account: OWN, region: 'us-east-1' };
    await expect(changePermissions(service, theirs, put({ accounts: [A] }), TESTER)).rejects.toMatchObject({
      code: 'not-image-owner',
    });
  });
});

describe('at once', () => {
  test('two PUTs end with exactly one of the two sets, and both jobs tell the truth', async () => {
    for (let i = 0; i < 5; i += 1) {
      const sets = [[A, B], [C]];
      const jobs = await Promise.all(
        sets.map((set) => changePermissions(service, GOLDEN_WEB, put({ accounts: set }), TESTER)),
      );
      const [one, two] = await Promise.all(jobs.map(({ id }) => untilChanged(service, id)));
      expect(one?.after?.accounts).toEqual([A, B]);
      expect(two?.after?.accounts).toEqual([C]);
      const last = await accounts();
      const later = (one?.finishedAt ?? 0) > (two?.finishedAt ?? 0) ? one : two;
      if (one?.finishedAt !== two?.finishedAt) expect(last).toEqual(later?.after?.accounts);
      expect([[A, B], [C]]).toContainEqual(last);
    }
  });

  test('ten PATCHes lose none', async () => {
    const all = Array.from({ length: 10 }, (_, i) => String(700_000_000_000 + i));
    const jobs = await Promise.all(
      all.map((account) => changePermissions(service, GOLDEN_WEB, patch({ accounts: [account] }), TESTER)),
    );
    for (const { id } of jobs) expect(await untilChanged(service, id)).toMatchObject({ state: 'succeeded' });
    expect(await accounts()).toEqual(all);
  });
});

describe('any sequence of changes', () => {
  const account = fc.constantFrom(A, B, C, '444444444444');
  const sets = fc
    .record({ public: fc.boolean(), accounts: fc.uniqueArray(account, { maxLength: 4 }) })
    .map((set): PermissionSet => normalise({ ...NOBODY, ...set }));
  const steps = fc.oneof(
    sets.map((set) => ({ change: put(set), model: () => set })),
    // What is named in both is refused.
    fc
      .tuple(sets, sets)
      .map(([add, remove]) => [add, minus(remove, add)] as const)
      .map(([add, remove]) => ({
        change: patch(add, remove),
        model: (current: PermissionSet) => minus(plus(current, add), remove),
      })),
    fc.constant({ change: { mode: 'set', set: NO_REQUEST } satisfies PermissionChange, model: () => NOBODY }),
  );

  test('ends as the model does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 6 }), async (sequence) => {
        await service.control.reset();
        let model: PermissionSet = NOBODY;
        for (const step of sequence) {
          await change(step.change);
          model = step.model(model);
        }
        expect(await service.gateway.launchPermissions(scope, GOLDEN_WEB.imageId)).toEqual(model);
      }),
      { numRuns: 12 },
    );
  });
});

describe('keys', () => {
  test('grantKeyAccess grants the key once, and withdrawing the share revokes just that', async () => {
    const [keyId = ''] = (await viewPermissions(service, DB)).encryption.kmsKeyIds;
    await service.kms.createGrant(scope, keyId, 'somebody-elses', A);
    for (let i = 0; i < 2; i += 1) await change(put({ accounts: [A, B], grantKeyAccess: true }), DB);
    expect(await service.kms.findGrants(scope, keyId, 'amiferry/')).toHaveLength(2);
    const job = await change(patch({}, { accounts: [A] }), DB);
    // B holds its grant still, so nobody has to change the key's policy for it.
    expect(job.warnings).toEqual([]);
    const names = (await service.kms.findGrants(scope, keyId, '')).map(({ name }) => name);
    expect(names.toSorted()).toEqual([`amiferry/${DB.imageId}/${B}`, 'somebody-elses']);
  });

  test("without it the job shows the statement that the key's owner has to add", async () => {
    const job = await change(put({ accounts: [A] }), DB);
    const [warning] = job.warnings;
    expect(warning?.code).toBe('key-policy-needed');
    expect(warning?.statements?.[0]?.Principal).toEqual({ AWS: [`arn:aws:iam::${A}:root`] });
  });

  test('the account can make the grant for Auto Scaling by the statements, and no other one without a service', async () => {
    const [{ statements = [] } = {}] = (await change(put({ accounts: [A] }), DB)).warnings;
    const role = `arn:aws:iam::${A}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling*`;
    const granting = statements.filter(({ Action }) => Action.includes('kms:CreateGrant'));
    expect(granting.map(({ Condition }) => Condition)).toEqual([
      { Bool: { 'kms:GrantIsForAWSResource': 'true' } },
      { StringLike: { 'kms:GranteePrincipal': [role] } },
    ]);
    expect(statements[0]?.Action).toContain('kms:Encrypt');
  });

  test('with grantKeyAccess the command of the warning is one that the account may call', async () => {
    const job = await change(put({ accounts: [A], grantKeyAccess: true }), DB);
    const warning = job.warnings.find(({ code }) => code === 'auto-scaling-grant-needed');
    const [, keyId = '', grantee = '', operations = ''] =
      / aws kms create-grant --region us-east-1 --key-id (\S+) --grantee-principal (\S+) --operations ([\w ]+)$/.exec(
        warning?.message ?? '',
      ) ?? [];
    expect(grantee).toContain(`::${A}:role/`);
    const kms = new KMSClient({
      region: 'us-east-1',
      endpoint: service.simulator.url,
      credentials: { accessKeyId: A, secretAccessKey: 'simulated' },
    });
    const Operations = operations.split(' ').map((one) => one as GrantOperation);
    const command = new CreateGrantCommand({ KeyId: keyId, GranteePrincipal: grantee, Operations });
    expect(await kms.send(command)).toMatchObject({ GrantId: expect.any(String) });
    kms.destroy();
    // A change that gives nobody anything needs no such advice.
    expect((await change(patch({}, { accounts: [A] }), DB)).warnings).toEqual([]);
  });
});

test('the view says why an image can not be shared, and what to do', async () => {
  const view = await viewPermissions(service, {
    imageId: 'ami-0a1b2c3d4e5f60003',
    account: OWN,
    region: 'us-east-1',
  });
  expect(view).toMatchObject({
    visibility: 'private',
    encryption: { encrypted: true },
    shareable: { accounts: false, public: false },
  });
  expect(view.shareable.reasons[0]).toMatchObject({
    code: 'aws-managed-key',
    message: expect.stringContaining('POST /amis/ami-0a1b2c3d4e5f60003/copies'),
  });
});
