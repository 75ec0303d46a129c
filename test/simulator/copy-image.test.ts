import {
  CopyImageCommand,
  CreateTagsCommand,
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  DisableEbsEncryptionByDefaultCommand,
  EnableEbsEncryptionByDefaultCommand,
  GetEbsDefaultKmsKeyIdCommand,
  ModifyEbsDefaultKmsKeyIdCommand,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
  ResetEbsDefaultKmsKeyIdCommand,
  type CopyImageCommandInput,
  type Image,
  type Snapshot,
  type Tag,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { golden, other, owner, startHarness, stopped, type Harness } from './harness.ts';
import { refused } from './refused.ts';

const there = 'eu-west-1';
let sim: Harness;

beforeAll(async () => {
  sim = await startHarness({ copySeconds: 100, speed: stopped });
});
afterAll(() => sim.close());
beforeEach(() => sim.control('POST', 'reset'));

async function copy(
  input: Partial<CopyImageCommandInput> = {},
  region = there,
  account = owner,
): Promise<string> {
  const command = new CopyImageCommand({
    Name: 'copied',
    SourceImageId: golden.web,
    SourceRegion: 'us-east-1',
    ...input,
  });
  const { ImageId } = await sim.ec2(region, account).send(command);
  if (ImageId === undefined) throw new Error('CopyImage named no image');
  return ImageId;
}

async function image(id: string, region = there, account = owner): Promise<Image> {
  const { Images } = await sim.ec2(region, account).send(new DescribeImagesCommand({ ImageIds: [id] }));
  const [found] = Images ?? [];
  if (found === undefined) throw new Error(`${id} is not there`);
  return found;
}

async function snapshots(id: string, region = there, account = owner): Promise<Snapshot[]> {
  const Filters = [{ Name: 'description', Values: [`Copied for DestinationAmi ${id} *`] }];
  const { Snapshots } = await sim.ec2(region, account).send(new DescribeSnapshotsCommand({ Filters }));
  return Snapshots ?? [];
}

function snapshotIds(of: Image): (string | undefined)[] {
  return (of.BlockDeviceMappings ?? []).map((device) => device.Ebs?.SnapshotId);
}

describe('the life of a copy', () => {
  test('is pending with rising progress, names its snapshots late, and then is available', async () => {
    const id = await copy({ Name: 'golden-eu', Description: 'there' });
    expect(id).not.toBe(golden.web);
    expect(await image(id)).toMatchObject({
      State: 'pending',
      Name: 'golden-eu',
      Description: 'there',
      OwnerId: owner,
      Public: false,
      SourceImageId: golden.web,
      SourceImageRegion: 'us-east-1',
    });
    expect(snapshotIds(await image(id))).toEqual([undefined, undefined]);

    sim.simulator.clock.advance(30);
    const [small, large] = await snapshots(id);
    expect([small?.VolumeSize, large?.VolumeSize]).toEqual([8, 20]);
    expect(large).toMatchObject({
      State: 'pending',
      TransferType: 'standard',
      FullSnapshotSizeInBytes: 20 * 1024 ** 3,
    });
    expect(Number.parseInt(large?.Progress ?? '', 10)).toBe(30);
    expect(Number.parseInt(small?.Progress ?? '', 10)).toBeGreaterThan(70);

    sim.simulator.clock.advance(65);
    expect((await image(id)).State).toBe('pending');
    expect(snapshotIds(await image(id))).toEqual([small?.SnapshotId, large?.SnapshotId]);

    sim.simulator.clock.advance(10);
    expect(await image(id)).toMatchObject({ State: 'available', Public: false });
    for (const snapshot of await snapshots(id)) {
      expect(snapshot).toMatchObject({
        State: 'completed',
        Progress: '100%',
        CompletionTime: expect.any(Date),
      });
    }
  });

  test.each(['source', 'request'])(
    'lasts as long as the tag simulator:seconds of the %s says',
    async (where) => {
      const Tags = [{ Key: 'simulator:seconds', Value: '5' }];
      if (where === 'source') await sim.ec2().send(new CreateTagsCommand({ Resources: [golden.web], Tags }));
      const id = await copy(
        where === 'request' ? { TagSpecifications: [{ ResourceType: 'image', Tags }] } : {},
      );
      expect((await image(id)).State).toBe('pending');
      sim.simulator.clock.advance(6);
      expect((await image(id)).State).toBe('available');
    },
  );

  test('a later change of the source leaves it as it is', async () => {
    const id = await copy({ CopyImageTags: true });
    const Tags = [{ Key: 'team', Value: 'changed' }];
    await sim.ec2().send(new CreateTagsCommand({ Resources: [golden.web], Tags }));
    expect((await image(id)).Tags).toContainEqual({ Key: 'team', Value: 'web' });
  });

  test('deregistering it while pending cancels it and leaves no snapshot behind', async () => {
    const id = await copy();
    expect(await snapshots(id)).toHaveLength(2);
    await sim.ec2(there).send(new DeregisterImageCommand({ ImageId: id }));
    expect(await snapshots(id)).toEqual([]);
    await expect(image(id)).rejects.toEqual(refused('InvalidAMIID.NotFound', new RegExp(id)));
  });

  test('400 copies need no timer each', async () => {
    await sim.control('POST', 'settings', { copySlots: 400 });
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        for (let n = 0; n < 20; n++) await copy();
      }),
    );
    sim.simulator.clock.advance(86_400);
    const Filters = [{ Name: 'state', Values: ['available'] }];
    let found = 0;
    let NextToken: string | undefined;
    do {
      const page = await sim
        .ec2(there)
        .send(new DescribeImagesCommand({ Filters, MaxResults: 1000, NextToken }));
      found += page.Images?.length ?? 0;
      NextToken = page.NextToken;
    } while (NextToken);
    expect(found).toBe(400);
    const ledger = await sim.calls();
    expect(ledger.calls['CopyImage']).toEqual({ [there]: 400 });
    expect(new Set(ledger.copyImage.map((call) => call.imageId)).size).toBe(400);
    expect(ledger.peakCopies).toEqual({ [`${owner}/${there}`]: 400 });
  });
});

describe('ClientToken', () => {
  test('the same with the same parameters is the same image and no new work', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => copy({ ClientToken: 'once' })));
    expect(new Set(ids).size).toBe(1);
    const { copyImage } = await sim.calls();
    expect(copyImage.filter((call) => call.replayed)).toHaveLength(19);
    expect(copyImage.map((call) => call.clientToken)).toEqual(ids.map(() => 'once'));
  });

  test('the same with other parameters is refused', async () => {
    await copy({ ClientToken: 'once' });
    await expect(copy({ ClientToken: 'once', Name: 'another' })).rejects.toEqual(
      refused('IdempotentParameterMismatch'),
    );
  });

  test('another region or account is another memory', async () => {
    const first = await copy({ ClientToken: 'once' });
    expect(await copy({ ClientToken: 'once' }, 'eu-west-2')).not.toBe(first);
  });

  test('is remembered past deregistration, and forgotten after its time', async () => {
    const first = await copy({ ClientToken: 'once' });
    await sim.ec2(there).send(new DeregisterImageCommand({ ImageId: first }));
    expect(await copy({ ClientToken: 'once' })).toBe(first);
    sim.simulator.clock.advance(86_401);
    expect(await copy({ ClientToken: 'once' })).not.toBe(first);
  });

  test('over 64 characters is refused', async () => {
    await expect(copy({ ClientToken: 'x'.repeat(65) })).rejects.toEqual(refused('InvalidParameterValue'));
  });
});

describe('what CopyImage refuses', () => {
  const tags = (count: number) => Array.from({ length: count }, (_, n) => ({ Key: `k${n}`, Value: 'v' }));
  test.each<[string, Partial<CopyImageCommandInput>]>([
    ['InvalidAMIName.Malformed', { Name: 'ab' }],
    ['InvalidAMIName.Malformed', { Name: 'x'.repeat(129) }],
    ['InvalidAMIName.Malformed', { Name: 'under*scored' }],
    ['MissingParameter', { Name: '' }],
    ['InvalidRegion', { SourceRegion: 'mars-north-1' }],
    ['InvalidAMIID.NotFound', { SourceImageId: 'ami-0000000000000000f' }],
    ['InvalidAMIID.NotFound', { SourceRegion: 'us-west-2' }],
    ['InvalidAMIID.Malformed', { SourceImageId: 'golden' }],
    ['InvalidParameterValue', { Description: 'x'.repeat(256) }],
    ['InvalidParameterValue', { SnapshotCopyCompletionDurationMinutes: 20 }],
    ['InvalidParameterValue', { SnapshotCopyCompletionDurationMinutes: 2895 }],
    ['InvalidParameterValue', { SnapshotCopyCompletionDurationMinutes: 0 }],
    ['InvalidParameterCombination', { DestinationAvailabilityZone: 'a', DestinationAvailabilityZoneId: 'b' }],
    ['InvalidParameterValue', { SourceImageId: golden.db, Encrypted: false }],
    ['InvalidParameterDependency', { KmsKeyId: 'alias/ami' }],
    ['InvalidParameterValue', { TagSpecifications: [{ ResourceType: 'volume', Tags: tags(1) }] }],
    [
      'InvalidParameterValue',
      { TagSpecifications: [{ ResourceType: 'image', Tags: [{ Key: 'aws:x', Value: '' }] }] },
    ],
    ['TagLimitExceeded', { TagSpecifications: [{ ResourceType: 'image', Tags: tags(51) }] }],
    [
      'TagLimitExceeded',
      { CopyImageTags: true, TagSpecifications: [{ ResourceType: 'image', Tags: tags(48) }] },
    ],
    ['DryRunOperation', { DryRun: true }],
  ])('%s for %j', async (name, input) => {
    await expect(copy(input)).rejects.toEqual(refused(name));
    const { Images } = await sim.ec2(there).send(new DescribeImagesCommand({}));
    expect(Images).toEqual([]);
    expect((await sim.calls()).copyImage).toMatchObject([{ error: name, imageId: null }]);
  });

  test.each(['pending', 'failed', 'disabled'])('a source that is %s', async (state) => {
    await sim.control('POST', `images/${golden.web}`, { state });
    await expect(copy()).rejects.toEqual(refused('InvalidAMIID.Unavailable', new RegExp(state)));
  });

  test('a source snapshot that is not completed', async () => {
    const imageId = 'ami-0000000000000000a';
    await sim.control('POST', 'images', {
      region: 'us-east-1',
      imageId,
      snapshots: [{ sizeGiB: 1, completed: false }],
    });
    await expect(copy({ SourceImageId: imageId })).rejects.toEqual(refused('IncorrectState'));
  });

  test('a copy over the slots of the region, until one is free; other regions are not held up', async () => {
    await sim.control('POST', 'settings', { copySlots: 2 });
    const first = await copy();
    await copy();
    await expect(copy()).rejects.toEqual(refused('ResourceLimitExceeded', /concurrent AMI copies/));
    await copy({}, 'eu-west-2');
    await sim.ec2(there).send(new DeregisterImageCommand({ ImageId: first }));
    await copy();
    sim.simulator.clock.advance(101);
    await copy();
    expect((await sim.calls()).peakCopies).toEqual({ [`${owner}/${there}`]: 2, [`${owner}/eu-west-2`]: 1 });
  });

  test('snapshot copies over their own cap, where that is set', async () => {
    await sim.control('POST', 'settings', { snapshotCopySlots: 3 });
    await copy();
    await expect(copy()).rejects.toEqual(refused('ResourceLimitExceeded', /snapshot copies/));
  });

  test('a name in use, where names are to be unique', async () => {
    await copy();
    await copy();
    await sim.control('POST', 'settings', { uniqueNames: true });
    await expect(copy()).rejects.toEqual(refused('InvalidAMIName.Duplicate'));
  });
});

describe('tags', () => {
  test('of the request go on image and snapshots; those of the source only when asked, without aws: ones', async () => {
    const imageId = 'ami-0000000000000000b';
    const own = { 'aws:made-by': 'x', team: 'web', keep: 'source' };
    await sim.control('POST', 'images', { region: 'us-east-1', imageId, tags: own });
    const TagSpecifications: CopyImageCommandInput['TagSpecifications'] = [
      { ResourceType: 'image', Tags: [{ Key: 'mine', Value: 'yes' }] },
      { ResourceType: 'snapshot', Tags: [{ Key: 'amiferry:job', Value: 'j-1' }] },
    ];
    const plain = await copy({ SourceImageId: imageId, TagSpecifications });
    expect((await image(plain)).Tags).toEqual([{ Key: 'mine', Value: 'yes' }]);

    const tagged = await copy({ SourceImageId: imageId, TagSpecifications, CopyImageTags: true });
    expect((await image(tagged)).Tags).toEqual([
      { Key: 'team', Value: 'web' },
      { Key: 'keep', Value: 'source' },
      { Key: 'mine', Value: 'yes' },
    ]);
    const Filters = [{ Name: 'tag:amiferry:job', Values: ['j-1'] }];
    const { Snapshots } = await sim.ec2(there).send(new DescribeSnapshotsCommand({ Filters }));
    expect(Snapshots).toHaveLength(2);
  });

  test('may not name a key twice, be it that of the source', async () => {
    const imageId = 'ami-0000000000000000c';
    await sim.control('POST', 'images', { region: 'us-east-1', imageId, tags: { team: 'web' } });
    const twice = (Tags: Tag[], CopyImageTags: boolean) =>
      copy({
        SourceImageId: imageId,
        CopyImageTags,
        TagSpecifications: [{ ResourceType: 'image', Tags }],
      });
    const team = { Key: 'team', Value: 'mine' };
    const words = /^Duplicate tag key 'team' specified\.$/;
    await expect(twice([team, team], false)).rejects.toEqual(refused('InvalidParameterValue', words));
    await expect(twice([team], true)).rejects.toEqual(refused('InvalidParameterValue', words));
  });
});

describe('encryption', () => {
  const failedFor = /^Copy image failed with an internal error$/;

  async function keyOf(id: string): Promise<(string | undefined)[]> {
    return (await snapshots(id)).map((snapshot) => snapshot.KmsKeyId);
  }

  test.each(['alias/ami', 'arn:aws:kms:eu-west-1:111111111111:alias/ami', 'id', 'arn'])(
    'under the key %s',
    async (form) => {
      const described = await sim.kms('DescribeKey', { KeyId: 'alias/ami' }, there);
      const metadata = (described.json as { KeyMetadata: { KeyId: string; Arn: string } }).KeyMetadata;
      const KmsKeyId = form === 'id' ? metadata.KeyId : form === 'arn' ? metadata.Arn : form;
      const id = await copy({ Encrypted: true, KmsKeyId });
      expect(await keyOf(id)).toEqual([metadata.Arn, metadata.Arn]);
      sim.simulator.clock.advance(101);
      const { State, BlockDeviceMappings } = await image(id);
      expect(State).toBe('available');
      expect(BlockDeviceMappings?.every((device) => device.Ebs?.Encrypted === true)).toBe(true);
    },
  );

  test('of the source stays; without a key it is under the default one', async () => {
    const id = await copy({ SourceImageId: golden.db });
    const ebs = await sim.kms('DescribeKey', { KeyId: 'alias/aws/ebs' }, there);
    expect(await keyOf(id)).toEqual(
      Array(2).fill((ebs.json as { KeyMetadata: { Arn: string } }).KeyMetadata.Arn),
    );
  });

  test('by default acts like Encrypted=true, under the key that was set as default', async () => {
    await sim.ec2(there).send(new EnableEbsEncryptionByDefaultCommand({}));
    await sim.ec2(there).send(new ModifyEbsDefaultKmsKeyIdCommand({ KmsKeyId: 'alias/ami' }));
    const { KmsKeyId } = await sim.ec2(there).send(new GetEbsDefaultKmsKeyIdCommand({}));
    expect(await keyOf(await copy())).toEqual([KmsKeyId, KmsKeyId]);
    await sim.ec2(there).send(new ResetEbsDefaultKmsKeyIdCommand({}));
    expect((await sim.ec2(there).send(new GetEbsDefaultKmsKeyIdCommand({}))).KmsKeyId).toBe('alias/aws/ebs');
    await sim.ec2(there).send(new DisableEbsEncryptionByDefaultCommand({}));
    expect(await keyOf(await copy())).toEqual([undefined, undefined]);
  });

  test.each([
    'alias/none',
    'alias/disabled',
    'alias/asymmetric',
    'arn:aws:kms:us-east-1:111111111111:alias/ami',
    'arn:aws:kms:eu-west-1:222222222222:alias/ami',
    '00000000-0000-4000-8000-000000000000',
  ])('under %s is accepted and fails later, with the reasons in two places', async (KmsKeyId) => {
    const id = await copy({ Encrypted: true, KmsKeyId });
    expect(await image(id)).toMatchObject({ State: 'pending' });
    sim.simulator.clock.advance(101);
    const { State, StateReason } = await image(id);
    expect(State).toBe('failed');
    expect(StateReason?.Message).toMatch(failedFor);
    for (const snapshot of await snapshots(id)) {
      expect(snapshot).toMatchObject({
        State: 'error',
        StateMessage: expect.stringContaining('Given key ID is not accessible'),
      });
    }
  });

  test('time-based copies say so', async () => {
    const id = await copy({ SnapshotCopyCompletionDurationMinutes: 30 });
    expect((await snapshots(id))[0]).toMatchObject({
      TransferType: 'time-based',
      CompletionDurationMinutes: 30,
    });
  });
});

describe('between accounts', () => {
  const storage = /do not have permission to access the storage of this ami/;
  const operations = ['CreateGrant', 'Decrypt', 'DescribeKey', 'ReEncryptFrom'];

  async function share(id: string): Promise<void> {
    const LaunchPermission = { Add: [{ UserId: other }] };
    await sim.ec2().send(new ModifyImageAttributeCommand({ ImageId: id, LaunchPermission }));
  }

  async function shareSnapshots(id: string): Promise<void> {
    for (const SnapshotId of snapshotIds(await image(id, 'us-east-1'))) {
      const CreateVolumePermission = { Add: [{ UserId: other }] };
      await sim.ec2().send(new ModifySnapshotAttributeCommand({ SnapshotId, CreateVolumePermission }));
    }
  }

  test('the image has to be shared, and each of its snapshots', async () => {
    await expect(copy({}, there, other)).rejects.toEqual(refused('InvalidAMIID.NotFound'));
    await share(golden.web);
    await expect(copy({}, there, other)).rejects.toEqual(refused('InvalidRequest', storage));
    await shareSnapshots(golden.web);
    const id = await copy({ CopyImageTags: true }, there, other);
    expect(await image(id, there, other)).toMatchObject({ OwnerId: other, SourceImageId: golden.web });
    expect((await image(id, there, other)).Tags ?? []).toEqual([]);
    await expect(image(id)).rejects.toEqual(refused('InvalidAMIID.NotFound'));
  });

  test('and its key', async () => {
    await share(golden.db);
    await shareSnapshots(golden.db);
    await expect(copy({ SourceImageId: golden.db }, there, other)).rejects.toEqual(
      refused('InvalidRequest', storage),
    );
    const grant = {
      KeyId: 'alias/ami',
      GranteePrincipal: `arn:aws:iam::${other}:root`,
      Operations: operations,
    };
    expect((await sim.kms('CreateGrant', grant)).status).toBe(200);
    const id = await copy({ SourceImageId: golden.db }, there, other);
    sim.simulator.clock.advance(101);
    expect((await image(id, there, other)).State).toBe('available');
  });

  test.each([
    ['fails', true],
    ['goes on', false],
  ])('a pending copy whose account loses that %s, as the settings say', async (_, copiesNeedAccess) => {
    await sim.control('POST', 'settings', { copiesNeedAccess });
    await share(golden.web);
    await shareSnapshots(golden.web);
    const id = await copy({}, there, other);
    const LaunchPermission = { Remove: [{ UserId: other }] };
    await sim.ec2().send(new ModifyImageAttributeCommand({ ImageId: golden.web, LaunchPermission }));
    expect((await image(id, there, other)).State).toBe(copiesNeedAccess ? 'failed' : 'pending');
  });
});

describe('deregistering', () => {
  test('keeps the snapshots, which can be deleted only then', async () => {
    const [first] = snapshotIds(await image(golden.web, 'us-east-1'));
    await expect(sim.ec2().send(new DeleteSnapshotCommand({ SnapshotId: first }))).rejects.toEqual(
      refused('InvalidSnapshot.InUse', new RegExp(golden.web)),
    );
    await sim.ec2().send(new DeregisterImageCommand({ ImageId: golden.web }));
    await sim.ec2().send(new DeleteSnapshotCommand({ SnapshotId: first }));
    const gone = new DescribeSnapshotsCommand({ SnapshotIds: [first ?? ''] });
    await expect(sim.ec2().send(gone)).rejects.toEqual(refused('InvalidSnapshot.NotFound'));
  });

  test('with its snapshots says what became of each; one in use by another image is skipped', async () => {
    const shared = 'snap-0a1b2c3d4e5f60001';
    const imageId = 'ami-0000000000000000c';
    await sim.control('POST', 'images', {
      region: 'us-east-1',
      imageId,
      snapshots: [{ snapshotId: shared, sizeGiB: 8 }],
    });
    const command = new DeregisterImageCommand({ ImageId: golden.web, DeleteAssociatedSnapshots: true });
    expect((await sim.ec2().send(command)).DeleteSnapshotResults).toEqual([
      { SnapshotId: shared, ReturnCode: 'skipped' },
      { SnapshotId: 'snap-0a1b2c3d4e5f61001', ReturnCode: 'success' },
    ]);
  });

  test('another account may not, and what it cannot see is not found', async () => {
    await sim.control('POST', 'images', {
      region: 'us-east-1',
      imageId: 'ami-0000000000000000d',
      public: true,
    });
    const attempt = (ImageId: string) =>
      sim.ec2('us-east-1', other).send(new DeregisterImageCommand({ ImageId }));
    await expect(attempt('ami-0000000000000000d')).rejects.toEqual(refused('AuthFailure'));
    await expect(attempt(golden.web)).rejects.toEqual(refused('InvalidAMIID.NotFound'));
    const read = new DescribeImageAttributeCommand({
      ImageId: 'ami-0000000000000000d',
      Attribute: 'launchPermission',
    });
    await expect(sim.ec2('us-east-1', other).send(read)).rejects.toEqual(refused('AuthFailure'));
  });
});
