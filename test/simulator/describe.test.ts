import {
  CopyImageCommand,
  CreateTagsCommand,
  DeleteTagsCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  DescribeRegionsCommand,
  DescribeSnapshotsCommand,
  DescribeTagsCommand,
  DisableImageCommand,
  DisableImageDeprecationCommand,
  EnableImageCommand,
  EnableImageDeprecationCommand,
  ModifyImageAttributeCommand,
  type DescribeImagesCommandInput,
  type DescribeSnapshotsCommandInput,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { golden, other, owner, startHarness, stopped, type Harness } from './harness.ts';
import { refused } from './refused.ts';

let sim: Harness;

beforeAll(async () => {
  sim = await startHarness({ speed: stopped });
});
afterAll(() => sim.close());
beforeEach(() => sim.control('POST', 'reset'));

async function ids(input: DescribeImagesCommandInput, account = owner): Promise<(string | undefined)[]> {
  const { Images } = await sim.ec2('us-east-1', account).send(new DescribeImagesCommand(input));
  return (Images ?? []).map((image) => image.ImageId);
}

const filter = (Name: string, ...Values: string[]): DescribeImagesCommandInput => ({
  Filters: [{ Name, Values }],
});

describe('DescribeImages', () => {
  test('the seeds are there, owned and described', async () => {
    const { Images } = await sim.ec2().send(new DescribeImagesCommand({ Owners: ['self'] }));
    expect(Images?.map((image) => [image.ImageId, image.Name, image.State, image.OwnerId])).toEqual([
      [golden.web, 'golden-web', 'available', owner],
      [golden.db, 'golden-db', 'available', owner],
      [golden.legacy, 'golden-legacy', 'available', owner],
    ]);
    expect(Images?.[0]).toMatchObject({
      Architecture: 'x86_64',
      RootDeviceName: '/dev/xvda',
      VirtualizationType: 'hvm',
      EnaSupport: true,
      Tags: [
        { Key: 'Name', Value: 'golden-web' },
        { Key: 'team', Value: 'web' },
        { Key: 'release', Value: '2026.11' },
      ],
      BlockDeviceMappings: [{ Ebs: { VolumeSize: 8, Encrypted: false } }, { Ebs: { VolumeSize: 20 } }],
    });
    expect(await sim.ec2('eu-west-1').send(new DescribeImagesCommand({}))).toMatchObject({ Images: [] });
  });

  test.each<[string, DescribeImagesCommandInput, string[]]>([
    ['name', filter('name', 'golden-web'), [golden.web]],
    ['a wildcard', filter('name', 'golden-*'), [golden.web, golden.db, golden.legacy]],
    ['one character', filter('name', 'golden-?b'), [golden.db]],
    ['an escaped wildcard', filter('name', 'golden-\\*'), []],
    ['a dot is a dot', filter('tag:release', '2026?11'), [golden.web]],
    ['several values', filter('name', 'golden-web', 'golden-db'), [golden.web, golden.db]],
    ['an absent id is left out', filter('image-id', golden.db, 'ami-0000000000000000f'), [golden.db]],
    ['tag:K', filter('tag:team', 'web'), [golden.web]],
    ['tag-key', filter('tag-key', 'team'), [golden.web, golden.db]],
    ['state', filter('state', 'pending'), []],
    ['owner-id', filter('owner-id', other), []],
    ['is-public', filter('is-public', 'false'), [golden.web, golden.db, golden.legacy]],
    ['snapshot', filter('block-device-mapping.snapshot-id', 'snap-0a1b2c3d4e5f61002'), [golden.db]],
    ['encrypted', filter('block-device-mapping.encrypted', 'true'), [golden.db, golden.legacy]],
    [
      'all filters hold',
      {
        Filters: [
          { Name: 'name', Values: ['golden-*'] },
          { Name: 'tag:team', Values: ['data'] },
        ],
      },
      [golden.db],
    ],
    ['owners', { Owners: [other] }, []],
    ['amazon', { Owners: ['amazon'] }, []],
    ['ids', { ImageIds: [golden.legacy, golden.web] }, [golden.web, golden.legacy]],
  ])('finds by %s', async (_, input, found) => {
    expect(await ids(input)).toEqual(found);
  });

  test.each<[string, RegExp, DescribeImagesCommandInput]>([
    [
      'InvalidAMIID.NotFound',
      /'\[ami-0000000000000000f\]'/,
      { ImageIds: [golden.web, 'ami-0000000000000000f'] },
    ],
    ['InvalidAMIID.Malformed', /x/, { ImageIds: ['x'] }],
    ['InvalidParameterCombination', /MaxResults/, { ImageIds: [golden.web], MaxResults: 5 }],
    ['InvalidParameterValue', /1000/, { ImageIds: Array<string>(1001).fill(golden.web) }],
    ['InvalidParameterValue', /colour/, filter('colour', 'red')],
    ['FilterLimitExceeded', /200/, filter('image-id', ...Array<string>(201).fill(golden.web))],
    [
      'FilterLimitExceeded',
      /50/,
      { Filters: Array.from({ length: 51 }, (_, n) => ({ Name: `tag:${n}`, Values: ['x'] })) },
    ],
    ['InvalidUserID.Malformed', /123/, { Owners: ['123'] }],
    ['InvalidParameterValue', /NextToken/, { NextToken: 'nonsense', MaxResults: 5 }],
  ])('refuses with %s %s', async (name, message, input) => {
    await expect(ids(input)).rejects.toEqual(refused(name, message));
  });

  test('pages by at most 1,000, whatever is asked, and the last token is empty', async () => {
    const images = Array.from({ length: 1000 }, () => ({ region: 'us-east-1' }));
    await sim.control('POST', 'images', images);
    for (const MaxResults of [undefined, 400, 5000]) {
      const sizes: number[] = [];
      const seen = new Set<string | undefined>();
      let NextToken: string | undefined;
      do {
        const page = await sim.ec2().send(new DescribeImagesCommand({ MaxResults, NextToken }));
        sizes.push(page.Images?.length ?? 0);
        page.Images?.forEach((image) => seen.add(image.ImageId));
        NextToken = page.NextToken;
      } while (NextToken);
      expect(NextToken).toBe('');
      expect(seen.size).toBe(1003);
      expect(sizes).toEqual(MaxResults === 400 ? [400, 400, 203] : [1000, 3]);
    }
  });

  test('others see what is public or shared with them, without its tags', async () => {
    expect(await ids({}, other)).toEqual([]);
    await expect(ids({ ImageIds: [golden.web] }, other)).rejects.toEqual(refused('InvalidAMIID.NotFound'));
    const LaunchPermission = { Add: [{ UserId: other }] };
    await sim.ec2().send(new ModifyImageAttributeCommand({ ImageId: golden.web, LaunchPermission }));
    await sim.control('POST', 'images', {
      region: 'us-east-1',
      imageId: 'ami-0000000000000000a',
      public: true,
    });
    const Tags = [{ Key: 'ec2:SharedTag/tier', Value: 'gold' }];
    await sim.ec2().send(new CreateTagsCommand({ Resources: [golden.web], Tags }));

    expect(await ids({}, other)).toEqual([golden.web, 'ami-0000000000000000a']);
    expect(await ids({ ExecutableUsers: ['self'] }, other)).toEqual([golden.web, 'ami-0000000000000000a']);
    expect(await ids({ ExecutableUsers: ['all'] }, other)).toEqual(['ami-0000000000000000a']);
    expect(await ids({ Owners: ['self'] }, other)).toEqual([]);
    expect(await ids(filter('tag:team', 'web'), other)).toEqual([]);
    const shared = await sim
      .ec2('us-east-1', other)
      .send(new DescribeImagesCommand({ ImageIds: [golden.web] }));
    expect(shared.Images?.[0]?.Tags).toEqual(Tags);
    expect(await ids({}, '333333333333')).toEqual(['ami-0000000000000000a']);
  });

  test('a disabled image is left out unless named or asked for, and has lost its launch permissions', async () => {
    const ec2 = sim.ec2();
    const LaunchPermission = { Add: [{ UserId: other }] };
    await ec2.send(new ModifyImageAttributeCommand({ ImageId: golden.web, LaunchPermission }));
    await ec2.send(new DisableImageCommand({ ImageId: golden.web }));
    expect(await ids({})).not.toContain(golden.web);
    expect(await ids({ IncludeDisabled: true })).toContain(golden.web);
    expect(await ids({ ImageIds: [golden.web] })).toEqual([golden.web]);
    await ec2.send(new EnableImageCommand({ ImageId: golden.web }));
    expect(await ids({})).toContain(golden.web);
    expect(await ids({}, other)).toEqual([]);
  });

  test('deprecation is between now and 10 years ahead, and hides the image from others', async () => {
    const ec2 = sim.ec2();
    const at = (days: number): Date =>
      new Date(Math.floor((sim.simulator.clock.now() + days * 86_400_000) / 1000) * 1000);
    const deprecate = (DeprecateAt: Date) =>
      ec2.send(new EnableImageDeprecationCommand({ ImageId: golden.web, DeprecateAt }));
    await expect(deprecate(at(-1))).rejects.toEqual(refused('InvalidParameterValue'));
    await expect(deprecate(at(3655))).rejects.toEqual(refused('InvalidParameterValue'));
    await deprecate(at(10));
    const LaunchPermission = { Add: [{ UserId: other }] };
    await ec2.send(new ModifyImageAttributeCommand({ ImageId: golden.web, LaunchPermission }));
    const { Images } = await ec2.send(new DescribeImagesCommand({ ImageIds: [golden.web] }));
    expect(Images?.[0]?.DeprecationTime).toBe(at(10).toISOString());
    expect(await ids({}, other)).toEqual([golden.web]);
    sim.simulator.clock.advance(11 * 86_400);
    expect(await ids({}, other)).toEqual([]);
    expect(await ids({ IncludeDeprecated: true }, other)).toEqual([golden.web]);
    await ec2.send(new DisableImageDeprecationCommand({ ImageId: golden.web }));
    expect(await ids({}, other)).toEqual([golden.web]);
  });

  test('the eventual consistency that was asked for hides a new image', async () => {
    await sim.control('POST', 'settings', { consistencyDelayMs: 60_000 });
    const copy = new CopyImageCommand({ Name: 'new', SourceImageId: golden.web, SourceRegion: 'us-east-1' });
    const { ImageId = '' } = await sim.ec2().send(copy);
    await expect(ids({ ImageIds: [ImageId] })).rejects.toEqual(
      refused('InvalidAMIID.NotFound', new RegExp(ImageId)),
    );
    expect(await ids(filter('image-id', ImageId))).toEqual([]);
    sim.simulator.clock.advance(61);
    expect(await ids({ ImageIds: [ImageId] })).toEqual([ImageId]);
    expect(await ids(filter('source-image-id', golden.web))).toEqual([ImageId]);
    expect(await ids(filter('source-image-region', 'us-east-1'))).toEqual([ImageId]);
  });
});

test('a deregistered image is listed for a while, then left out, then not found', async () => {
  await sim.control('POST', 'settings', { deregisteredSeconds: 60 });
  await sim.ec2().send(new DeregisterImageCommand({ ImageId: golden.web }));
  const named = () => ids({ ImageIds: [golden.db, golden.web] });
  const states = async (input: DescribeImagesCommandInput) =>
    (await sim.ec2().send(new DescribeImagesCommand(input))).Images?.map((image) => image.State);
  expect(await named()).toEqual([golden.web, golden.db]);
  expect(await states({ ImageIds: [golden.web] })).toEqual(['deregistered']);
  expect(await ids(filter('state', 'deregistered'))).toEqual([golden.web]);
  // Whatever else asks for it is told that it is gone.
  const again = sim.ec2().send(new DeregisterImageCommand({ ImageId: golden.web }));
  await expect(again).rejects.toEqual(refused('InvalidAMIID.NotFound'));
  sim.simulator.clock.advance(60);
  expect(await named()).toEqual([golden.db]);
  expect(await ids(filter('image-id', golden.web))).toEqual([]);
  sim.simulator.clock.advance(60);
  await expect(named()).rejects.toEqual(refused('InvalidAMIID.NotFound', new RegExp(golden.web)));
});

test('a filter narrows down images that are named, and still none of them may be missing', async () => {
  const state = { Name: 'state', Values: ['available', 'failed'] };
  await sim.control('POST', 'images', {
    region: 'us-east-1',
    imageId: 'ami-0000000000000000a',
    state: 'pending',
  });
  const ImageIds = [golden.web, 'ami-0000000000000000a'];
  expect(await ids({ ImageIds, Filters: [state] })).toEqual([golden.web]);
  const missing = [...ImageIds, 'ami-0000000000000000f', 'ami-0000000000000000e'];
  await expect(ids({ ImageIds: missing, Filters: [state] })).rejects.toEqual(
    refused('InvalidAMIID.NotFound', /ami-0000000000000000f, ami-0000000000000000e/),
  );
});

test('DescribeSnapshots finds by ids, owner, status and tags, in pages', async () => {
  const ec2 = sim.ec2();
  const Tags = [{ Key: 'job', Value: '1' }];
  await ec2.send(new CreateTagsCommand({ Resources: ['snap-0a1b2c3d4e5f61002'], Tags }));
  const found = async (input: DescribeSnapshotsCommandInput, account = owner) =>
    ((await sim.ec2('us-east-1', account).send(new DescribeSnapshotsCommand(input))).Snapshots ?? []).map(
      (s) => s.SnapshotId,
    );
  expect(await found({ OwnerIds: ['self'] })).toHaveLength(5);
  expect(await found({ SnapshotIds: ['snap-0a1b2c3d4e5f60003'] })).toEqual(['snap-0a1b2c3d4e5f60003']);
  expect(await found({ Filters: [{ Name: 'tag:job', Values: ['1'] }] })).toEqual(['snap-0a1b2c3d4e5f61002']);
  expect(
    await found({
      Filters: [{ Name: 'snapshot-id', Values: ['snap-0a1b2c3d4e5f60002', 'snap-0000000000000000f'] }],
    }),
  ).toEqual(['snap-0a1b2c3d4e5f60002']);
  expect(
    await found({
      Filters: [
        { Name: 'status', Values: ['completed'] },
        { Name: 'owner-id', Values: [owner] },
      ],
    }),
  ).toHaveLength(5);
  expect(await found({}, other)).toEqual([]);
  const first = await ec2.send(new DescribeSnapshotsCommand({ MaxResults: 3 }));
  const rest = await ec2.send(new DescribeSnapshotsCommand({ MaxResults: 3, NextToken: first.NextToken }));
  expect([first.Snapshots?.length, rest.Snapshots?.length, rest.NextToken]).toEqual([3, 2, '']);
  await expect(found({ SnapshotIds: ['snap-0000000000000000f'] })).rejects.toEqual(
    refused('InvalidSnapshot.NotFound'),
  );
  await expect(found({ SnapshotIds: ['snap'] })).rejects.toEqual(refused('InvalidSnapshotID.Malformed'));
});

test('tags are created on all resources or none, described and deleted', async () => {
  const ec2 = sim.ec2();
  const create = (Resources: string[], Tags: { Key: string; Value: string }[]) =>
    ec2.send(new CreateTagsCommand({ Resources, Tags }));
  const described = async (Values: string[]) =>
    (
      (await ec2.send(new DescribeTagsCommand({ Filters: [{ Name: 'resource-id', Values }] }))).Tags ?? []
    ).map((tag) => `${tag.ResourceType} ${tag.Key}=${tag.Value}`);
  const tag = [{ Key: 'a', Value: '<&>"\'é' }];
  await expect(create([golden.legacy, 'ami-0000000000000000f'], tag)).rejects.toEqual(
    refused('InvalidAMIID.NotFound'),
  );
  await expect(create([golden.legacy, 'vol-1'], tag)).rejects.toEqual(refused('InvalidID'));
  await expect(create([golden.legacy], [{ Key: 'aws:a', Value: '' }])).rejects.toEqual(
    refused('InvalidParameterValue'),
  );
  expect(await described([golden.legacy])).toEqual(['image Name=golden-legacy']);
  await create([golden.legacy, 'snap-0a1b2c3d4e5f60003'], tag);
  expect(await described([golden.legacy, 'snap-0a1b2c3d4e5f60003'])).toEqual([
    'image Name=golden-legacy',
    'image a=<&>"\'é',
    'snapshot a=<&>"\'é',
  ]);
  await ec2.send(
    new DeleteTagsCommand({
      Resources: [golden.legacy],
      Tags: [{ Key: 'Name', Value: 'other' }, { Key: 'a' }],
    }),
  );
  expect(await described([golden.legacy])).toEqual(['image Name=golden-legacy']);
  await ec2.send(new DeleteTagsCommand({ Resources: [golden.legacy] }));
  expect(await described([golden.legacy])).toEqual([]);
});

test('DescribeRegions tells the 17 usable regions, and with AllRegions the others', async () => {
  const { Regions } = await sim.ec2().send(new DescribeRegionsCommand({}));
  expect(Regions).toHaveLength(17);
  expect(Regions).toContainEqual(
    expect.objectContaining({ RegionName: 'eu-west-1', OptInStatus: 'opt-in-not-required' }),
  );
  const all = await sim.ec2().send(new DescribeRegionsCommand({ AllRegions: true }));
  expect(all.Regions).toContainEqual(
    expect.objectContaining({ RegionName: 'af-south-1', OptInStatus: 'not-opted-in' }),
  );
});
