import {
  CopyImageCommand,
  DescribeImageAttributeCommand,
  DescribeSnapshotAttributeCommand,
  DisableImageBlockPublicAccessCommand,
  EnableImageBlockPublicAccessCommand,
  GetImageBlockPublicAccessStateCommand,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
  ResetImageAttributeCommand,
  ResetSnapshotAttributeCommand,
  type LaunchPermission,
  type ModifyImageAttributeCommandInput,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { golden, other, startHarness, stopped, type Harness } from './harness.ts';
import { refused } from './refused.ts';

const organization = 'arn:aws:organizations::111111111111:organization/o-abcdefghij';
const unit = 'arn:aws:organizations::111111111111:ou/o-abcdefghij/ou-abcd-12345678';
const snapshot = 'snap-0a1b2c3d4e5f60001';
let sim: Harness;

beforeAll(async () => {
  sim = await startHarness({ blockPublicAccess: 'unblocked', speed: stopped });
});
afterAll(() => sim.close());
beforeEach(() => sim.control('POST', 'reset'));

function modify(Add: LaunchPermission[], Remove: LaunchPermission[] = [], ImageId = golden.web) {
  return sim.ec2().send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission: { Add, Remove } }));
}

async function permissions(ImageId = golden.web): Promise<LaunchPermission[] | undefined> {
  const command = new DescribeImageAttributeCommand({ ImageId, Attribute: 'launchPermission' });
  return (await sim.ec2().send(command)).LaunchPermissions;
}

function accounts(count: number, first = 100_000_000_000): LaunchPermission[] {
  return Array.from({ length: count }, (_, n) => ({ UserId: String(first + n) }));
}

describe('launch permissions', () => {
  test('of all four kinds are added, removed, and reset', async () => {
    expect(await permissions()).toEqual([]);
    const all = [
      { UserId: '012345678901' },
      { Group: 'all' as const },
      { OrganizationArn: organization },
      { OrganizationalUnitArn: unit },
    ];
    await modify(all);
    expect(await permissions()).toEqual(all);
    await modify([], [{ Group: 'all' }, { OrganizationArn: organization }]);
    expect(await permissions()).toEqual([{ UserId: '012345678901' }, { OrganizationalUnitArn: unit }]);
    await sim
      .ec2()
      .send(new ResetImageAttributeCommand({ ImageId: golden.web, Attribute: 'launchPermission' }));
    expect(await permissions()).toEqual([]);
  });

  test('adding twice and removing twice are harmless; one call may do both', async () => {
    await modify([{ UserId: other }]);
    await modify([{ UserId: other }]);
    expect(await permissions()).toEqual([{ UserId: other }]);
    await modify([{ UserId: '333333333333' }], [{ UserId: other }]);
    await modify([], [{ UserId: other }]);
    expect(await permissions()).toEqual([{ UserId: '333333333333' }]);
  });

  test('the older form works as well', async () => {
    const send = (input: Partial<ModifyImageAttributeCommandInput>) =>
      sim
        .ec2()
        .send(
          new ModifyImageAttributeCommand({ ImageId: golden.web, Attribute: 'launchPermission', ...input }),
        );
    await send({
      OperationType: 'add',
      UserIds: [other, '333333333333'],
      UserGroups: ['all'],
      OrganizationArns: [organization],
    });
    await send({ OperationType: 'remove', UserIds: [other], UserGroups: ['all'] });
    expect(await permissions()).toEqual([{ UserId: '333333333333' }, { OrganizationArn: organization }]);
    const both = { OperationType: 'add' as const, LaunchPermission: { Add: [{ UserId: other }] } };
    await expect(send(both)).rejects.toEqual(refused('InvalidParameterCombination'));
  });

  test.each<LaunchPermission>([
    { UserId: '22222222222' },
    { UserId: '2222222222222' },
    { UserId: '22222222222x' },
    { Group: 'everyone' as 'all' },
    { OrganizationArn: 'o-abcdefghij' },
    { OrganizationalUnitArn: organization },
  ])('one malformed among good ones changes nothing: %j', async (bad) => {
    await expect(modify([{ UserId: other }, bad])).rejects.toEqual(refused('InvalidAMIAttributeItemValue'));
    await expect(modify([{ UserId: other }], [bad])).rejects.toEqual(refused('InvalidAMIAttributeItemValue'));
    expect(await permissions()).toEqual([]);
  });

  test('1,000 sharees fit, one more does not', async () => {
    await modify(accounts(1000));
    expect(await permissions()).toHaveLength(1000);
    await expect(modify([{ UserId: other }])).rejects.toEqual(refused('ResourceLimitExceeded', /1000/));
    expect(await permissions()).toHaveLength(1000);
    await modify([{ UserId: '100000000000' }]);
    await modify([{ UserId: other }], [{ UserId: '100000000000' }]);
    expect(await permissions()).toHaveLength(1000);
  });

  test('a pending copy cannot be shared', async () => {
    const copy = new CopyImageCommand({ Name: 'new', SourceImageId: golden.web, SourceRegion: 'us-east-1' });
    const { ImageId } = await sim.ec2().send(copy);
    await expect(modify([{ UserId: other }], [], ImageId)).rejects.toEqual(
      refused('InvalidAMIID.Unavailable'),
    );
    sim.simulator.clock.advance(9);
    expect(await permissions(ImageId)).toEqual([]);
    await modify([{ UserId: other }], [], ImageId);
    expect(await permissions(ImageId)).toEqual([{ UserId: other }]);
  });

  test('unknown images and nothing to do are refused', async () => {
    await expect(modify([{ UserId: other }], [], 'ami-0000000000000000f')).rejects.toEqual(
      refused('InvalidAMIID.NotFound'),
    );
    await expect(modify([])).rejects.toEqual(refused('MissingParameter'));
  });
});

describe('encryption', () => {
  test('under aws/ebs nothing can be shared, under a customer key all but publicly', async () => {
    const cmk = /Snapshots encrypted with the AWS Managed CMK can't be shared/;
    await expect(modify([{ UserId: other }], [], golden.legacy)).rejects.toEqual(
      refused('InvalidParameter', cmk),
    );
    await expect(modify([{ Group: 'all' }], [], golden.db)).rejects.toEqual(
      refused('InvalidParameter', /public/),
    );
    await modify([{ UserId: other }, { OrganizationArn: organization }], [], golden.db);
    expect(await permissions(golden.legacy)).toEqual([]);
    expect(await permissions(golden.db)).toEqual([{ UserId: other }, { OrganizationArn: organization }]);
    await modify([], [{ UserId: other }], golden.legacy);
  });
});

describe('public images', () => {
  const makePublic = (ImageId = golden.web) => modify([{ Group: 'all' }], [], ImageId);
  const state = async () =>
    (await sim.ec2().send(new GetImageBlockPublicAccessStateCommand({}))).ImageBlockPublicAccessState;
  const block = () =>
    sim
      .ec2()
      .send(new EnableImageBlockPublicAccessCommand({ ImageBlockPublicAccessState: 'block-new-sharing' }));

  test('are refused while public access is blocked; what is public stays so', async () => {
    await makePublic();
    await block();
    const { ManagedBy } = await sim.ec2().send(new GetImageBlockPublicAccessStateCommand({}));
    expect([await state(), ManagedBy]).toEqual(['block-new-sharing', 'account']);
    expect(await permissions()).toEqual([{ Group: 'all' }]);
    await expect(makePublic()).rejects.toEqual(refused('OperationNotPermitted', /block public access/));
    await sim.ec2().send(new DisableImageBlockPublicAccessCommand({}));
    await makePublic();
  });

  test('blocking takes its time', async () => {
    await sim.control('POST', 'settings', { blockPublicAccessDelaySeconds: 600 });
    await block();
    expect(await state()).toBe('unblocked');
    sim.simulator.clock.advance(601);
    expect(await state()).toBe('block-new-sharing');
  });

  test('are blocked by default where that is set, as in a new account', async () => {
    await sim.control('POST', 'settings', { blockPublicAccess: 'block-new-sharing' });
    await expect(makePublic()).rejects.toEqual(refused('OperationNotPermitted'));
  });

  test('are at most five a region, and never with product codes', async () => {
    const add = async (extra: object = {}) => {
      const { json } = await sim.control('POST', 'images', { region: 'us-east-1', ...extra });
      return (json as { imageId: string }).imageId;
    };
    for (let n = 0; n < 5; n++) await makePublic(await add());
    await expect(makePublic()).rejects.toEqual(refused('ResourceLimitExceeded', /5 public images/));
    await sim.control('POST', 'settings', { publicImages: 6 });
    await expect(makePublic(await add({ productCodes: ['abc'] }))).rejects.toEqual(
      refused('OperationNotPermitted'),
    );
    await makePublic();
  });
});

test('the description is an attribute too', async () => {
  const Description = { Value: 'new & better' };
  await sim.ec2().send(new ModifyImageAttributeCommand({ ImageId: golden.web, Description }));
  const read = new DescribeImageAttributeCommand({ ImageId: golden.web, Attribute: 'description' });
  expect((await sim.ec2().send(read)).Description).toEqual(Description);
});

describe('snapshot permissions', () => {
  type Changes = ConstructorParameters<typeof ModifySnapshotAttributeCommand>[0]['CreateVolumePermission'];
  const change = (CreateVolumePermission: Changes, SnapshotId = snapshot) =>
    sim.ec2().send(new ModifySnapshotAttributeCommand({ SnapshotId, CreateVolumePermission }));
  const read = async () => {
    const command = new DescribeSnapshotAttributeCommand({
      SnapshotId: snapshot,
      Attribute: 'createVolumePermission',
    });
    return (await sim.ec2().send(command)).CreateVolumePermissions;
  };

  test('are added, removed and reset', async () => {
    await change({ Add: [{ UserId: other }, { Group: 'all' }] });
    expect(await read()).toEqual([{ UserId: other }, { Group: 'all' }]);
    await change({ Remove: [{ Group: 'all' }] });
    expect(await read()).toEqual([{ UserId: other }]);
    const reset = new ResetSnapshotAttributeCommand({
      SnapshotId: snapshot,
      Attribute: 'createVolumePermission',
    });
    await sim.ec2().send(reset);
    expect(await read()).toEqual([]);
  });

  test('500 at a time, adding or removing', async () => {
    await change({ Add: accounts(500) });
    await expect(change({ Add: accounts(501, 200_000_000_000) })).rejects.toEqual(
      refused('InvalidParameterValue', /500/),
    );
    const both = { Add: [{ UserId: other }], Remove: [{ UserId: '100000000000' }] };
    await expect(change(both)).rejects.toEqual(refused('InvalidParameterCombination'));
    await expect(change({ Add: [{ UserId: '12' }] })).rejects.toEqual(refused('InvalidUserID.Malformed'));
    expect(await read()).toHaveLength(500);
  });

  test('encrypted under aws/ebs never, encrypted never to all', async () => {
    const add = { Add: [{ UserId: other }] };
    await expect(change(add, 'snap-0a1b2c3d4e5f60003')).rejects.toEqual(refused('OperationNotPermitted'));
    await expect(change({ Add: [{ Group: 'all' }] }, 'snap-0a1b2c3d4e5f60002')).rejects.toEqual(
      refused('OperationNotPermitted'),
    );
    await change(add, 'snap-0a1b2c3d4e5f60002');
  });
});
