import type { CopyImageCommandInput, EC2Client, Filter } from '@aws-sdk/client-ec2';
import type { Image, ImageState, Scope, Snapshot, Tags } from '../../domain/ami.ts';
import { destinationAmi, destinationAmiFilter } from '../../domain/ami.ts';
import type { PermissionSet } from '../../domain/permissions.ts';
import { NOBODY } from '../../domain/permissions.ts';
import { AwsClients } from '../clients.ts';
import { fromPermissionSet, fromTags, toImage, toPermissionSet, toSnapshot } from './aws-mapping.ts';
import type { CallBudget } from './call-budget.ts';
import { chunksOf } from '../../domain/chunks.ts';
import { classify, AwsError, heldBack } from '../aws-error.ts';
import { fencedTries } from '../fenced-tries.ts';
import { listIn } from '../expected-answers.ts';
import type { Ec2Sdk } from './ec2-sdk.ts';
import { EC2 } from './ec2-sdk.ts';
import { findEnded, IMAGE_IDS } from './find-ended.ts';
import type {
  CopyImageParams,
  Ec2Gateway,
  EndedImages,
  Fence,
  ImageFilter,
  RemoveOutcome,
  SnapshotPermissions,
} from './gateway.ts';
import type { Ec2Call, Ec2Options } from './options.ts';
import { pagesOf } from '../pages.ts';

/** The key that EBS uses where no other key is set. Images that are encrypted under it can never be shared. */
const AWS_EBS_ALIAS = 'alias/aws/ebs';

/** EC2's limits: values in a filter, and results in a page. */
export const FILTER_VALUES = 200;
const PAGE = 1000;

/** The {@link Ec2Gateway} on the AWS SDK, against AWS or anything that speaks its protocol. */
export class AwsGateway implements Ec2Gateway {
  readonly #options: Ec2Options;
  readonly #clients: AwsClients<Ec2Sdk, EC2Client>;
  readonly #onCall: (call: Ec2Call) => void;
  readonly #budget: CallBudget | undefined;

  /** @param clients shared with another gateway of the same options, which closes them */
  constructor(options: Ec2Options, clients = new AwsClients(EC2, options)) {
    this.#options = options;
    this.#clients = clients;
    this.#onCall = options.onCall ?? (() => {});
    this.#budget = options.budget;
  }

  /** The same gateway with the same clients, but with another call budget. */
  withBudget(budget: CallBudget): AwsGateway {
    return new AwsGateway({ ...this.#options, budget }, this.#clients);
  }

  async describeImage(scope: Scope, imageId: string): Promise<Image | null> {
    return this.#call(scope, 'DescribeImages', async (client, sdk) => {
      const command = new sdk.DescribeImagesCommand({ ImageIds: [imageId], IncludeDisabled: true });
      const { Images } = await client.send(command);
      const [image] = listIn(Images, 'imagesSet');
      return image === undefined ? null : toImage(image, scope);
    }).catch((error) => whenMissing(error, null));
  }

  async findImages(scope: Scope, filter: ImageFilter): Promise<Image[]> {
    const common = [
      ...Object.entries(filter.tags ?? {}).map(([key, value]) => equals(`tag:${key}`, [value])),
      ...(filter.names === undefined ? [] : [equals('name', filter.names)]),
      ...(filter.source === undefined ? [] : sourceFilters(filter.source)),
      ...(filter.states === undefined ? [] : [equals('state', filter.states)]),
      ...(filter.public === undefined ? [] : [equals('is-public', ['true'])]),
    ];
    // An unknown id fails a call that names it as ImageId. As a value of a filter it is ignored.
    const chunks =
      filter.imageIds === undefined
        ? [[]]
        : chunksOf(filter.imageIds, FILTER_VALUES).map((ids) => [equals('image-id', ids)]);
    const found: Image[] = [];
    for (const chunk of chunks) found.push(...(await this.#describeImages(scope, [...chunk, ...common])));
    return found;
  }

  #describeImages(scope: Scope, Filters: Filter[]): Promise<Image[]> {
    return this.#call(scope, 'DescribeImages', async (client, sdk) => {
      const pages = sdk.paginateDescribeImages(
        { client, pageSize: PAGE },
        { Owners: ['self'], Filters, IncludeDisabled: true },
      );
      const images: Image[] = [];
      for await (const { Images } of pagesOf(pages, ({ NextToken }) => NextToken))
        images.push(...listIn(Images, 'imagesSet').map((one) => toImage(one, scope)));
      return images;
    });
  }

  async findEnded(scope: Scope, imageIds: readonly string[]): Promise<EndedImages> {
    const found: EndedImages = { ended: [], unknown: [] };
    for (const ids of chunksOf(imageIds, IMAGE_IDS)) {
      const { ended, unknown } = await findEnded(ids, {
        named: (named, states) => this.#namedImages(scope, named, states),
        filtered: (some) => this.findImages(scope, { imageIds: some }),
      });
      found.ended.push(...ended);
      found.unknown.push(...unknown);
    }
    return found;
  }

  /** An answer about ids has no pages. */
  #namedImages(scope: Scope, imageIds: readonly string[], states: readonly ImageState[]): Promise<Image[]> {
    return this.#call(scope, 'DescribeImages', async (client, sdk) => {
      const command = new sdk.DescribeImagesCommand({
        ImageIds: [...imageIds],
        Filters: [equals('state', states)],
        IncludeDisabled: true,
      });
      const { Images } = await client.send(command);
      return listIn(Images, 'imagesSet').map((one) => toImage(one, scope));
    });
  }

  findSnapshots(scope: Scope, tag: string, values: readonly string[]): Promise<Snapshot[]> {
    return this.#findSnapshots(scope, `tag:${tag}`, values);
  }

  async snapshotsCopiedFor(scope: Scope, imageId: string): Promise<Snapshot[]> {
    const found = await this.#findSnapshots(scope, 'description', [destinationAmiFilter(imageId)]);
    // These snapshots are deleted later: what an endpoint that ignores the filter adds is dropped.
    return found.filter((snapshot) => destinationAmi(snapshot) === imageId);
  }

  async #findSnapshots(scope: Scope, filter: string, values: readonly string[]): Promise<Snapshot[]> {
    const found: Snapshot[] = [];
    for (const chunk of chunksOf(values, FILTER_VALUES)) {
      found.push(...(await this.#pagesOfSnapshots(scope, [equals(filter, chunk)])));
    }
    return found;
  }

  #pagesOfSnapshots(scope: Scope, Filters: Filter[]): Promise<Snapshot[]> {
    return this.#call(scope, 'DescribeSnapshots', async (client, sdk) => {
      const pages = sdk.paginateDescribeSnapshots(
        { client, pageSize: PAGE },
        { OwnerIds: ['self'], Filters },
      );
      const snapshots: Snapshot[] = [];
      for await (const { Snapshots } of pagesOf(pages, ({ NextToken }) => NextToken))
        snapshots.push(...listIn(Snapshots, 'snapshotSet').map(toSnapshot));
      return snapshots;
    });
  }

  async copyImage(scope: Scope, params: CopyImageParams, paid = false): Promise<string> {
    const call = async (client: EC2Client, sdk: Ec2Sdk) => {
      const { ImageId } = await client.send(new sdk.CopyImageCommand(copyInput(params)));
      if (ImageId === undefined) throw new Error('EC2 answered without an ImageId');
      return ImageId;
    };
    return this.#call(scope, 'CopyImage', call, { paid });
  }

  async createTags(scope: Scope, resourceIds: readonly string[], tags: Tags): Promise<void> {
    await this.#call(scope, 'CreateTags', (client, sdk) =>
      client.send(new sdk.CreateTagsCommand({ Resources: [...resourceIds], Tags: fromTags(tags) })),
    );
  }

  async deregisterImage(scope: Scope, imageId: string): Promise<RemoveOutcome> {
    return this.#call(scope, 'DeregisterImage', async (client, sdk) => {
      await client.send(new sdk.DeregisterImageCommand({ ImageId: imageId }));
      return 'removed' as const;
    }).catch((error) => whenMissing(error, 'gone' as const));
  }

  async deleteSnapshot(scope: Scope, snapshotId: string): Promise<RemoveOutcome> {
    return this.#call(scope, 'DeleteSnapshot', async (client, sdk) => {
      await client.send(new sdk.DeleteSnapshotCommand({ SnapshotId: snapshotId }));
      return 'removed' as const;
    }).catch((error) => whenMissing(error, 'gone' as const));
  }

  describeSnapshots(scope: Scope, snapshotIds: readonly string[]): Promise<Snapshot[]> {
    return this.#findSnapshots(scope, 'snapshot-id', snapshotIds);
  }

  async snapshotOwners(scope: Scope, snapshotIds: readonly string[]): Promise<Map<string, string | null>> {
    if (snapshotIds.length === 0) return new Map();
    const call = this.#call(scope, 'DescribeSnapshots', async (client, sdk) => {
      const { Snapshots } = await client.send(
        new sdk.DescribeSnapshotsCommand({ SnapshotIds: [...snapshotIds] }),
      );
      return listIn(Snapshots, 'snapshotSet').map(
        ({ SnapshotId = '', OwnerId = '' }) => [SnapshotId, OwnerId] as const,
      );
    });
    const owners = await call.catch((error) => whenMissing(error, null));
    if (owners !== null) return new Map(owners);
    // One unknown id fails the whole call.
    if (snapshotIds.length === 1) return new Map(snapshotIds.map((id) => [id, null]));
    const each = await Promise.all(snapshotIds.map((id) => this.snapshotOwners(scope, [id])));
    return new Map(each.flatMap((one) => [...one]));
  }

  launchPermissions(scope: Scope, imageId: string): Promise<PermissionSet> {
    return this.#call(scope, 'DescribeImageAttribute', async (client, sdk) => {
      const command = new sdk.DescribeImageAttributeCommand({
        ImageId: imageId,
        Attribute: 'launchPermission',
      });
      const { LaunchPermissions } = await client.send(command);
      return toPermissionSet(listIn(LaunchPermissions, 'launchPermission'));
    });
  }

  async modifyLaunchPermissions(
    scope: Scope,
    imageId: string,
    add: PermissionSet,
    remove: PermissionSet,
    fence?: Fence,
  ): Promise<void> {
    const LaunchPermission = { Add: fromPermissionSet(add), Remove: fromPermissionSet(remove) };
    const call = (client: EC2Client, sdk: Ec2Sdk) =>
      client.send(
        fencedTries(new sdk.ModifyImageAttributeCommand({ ImageId: imageId, LaunchPermission }), fence),
      );
    await this.#call(scope, 'ModifyImageAttribute', call, { fence });
  }

  snapshotPermissions(scope: Scope, snapshotId: string): Promise<SnapshotPermissions> {
    return this.#call(scope, 'DescribeSnapshotAttribute', async (client, sdk) => {
      const Attribute = 'createVolumePermission';
      const command = new sdk.DescribeSnapshotAttributeCommand({ SnapshotId: snapshotId, Attribute });
      const { CreateVolumePermissions } = await client.send(command);
      const set = toPermissionSet(listIn(CreateVolumePermissions, 'createVolumePermission'));
      return { public: set.public, accounts: set.accounts };
    });
  }

  async modifySnapshotPermissions(
    scope: Scope,
    snapshotId: string,
    operation: 'add' | 'remove',
    permissions: SnapshotPermissions,
    fence?: Fence,
  ): Promise<void> {
    const items = fromPermissionSet({ ...NOBODY, ...permissions });
    const call = (client: EC2Client, sdk: Ec2Sdk) =>
      client.send(
        fencedTries(
          new sdk.ModifySnapshotAttributeCommand({
            SnapshotId: snapshotId,
            Attribute: 'createVolumePermission',
            CreateVolumePermission: operation === 'add' ? { Add: items } : { Remove: items },
          }),
          fence,
        ),
      );
    await this.#call(scope, 'ModifySnapshotAttribute', call, { fence });
  }

  blockPublicAccess(scope: Scope): Promise<boolean> {
    return this.#call(scope, 'GetImageBlockPublicAccessState', async (client, sdk) => {
      const answer = await client.send(new sdk.GetImageBlockPublicAccessStateCommand({}));
      return answer.ImageBlockPublicAccessState !== 'unblocked';
    });
  }

  encryptionByDefault(scope: Scope): Promise<boolean> {
    return this.#call(scope, 'GetEbsEncryptionByDefault', async (client, sdk) => {
      const answer = await client.send(new sdk.GetEbsEncryptionByDefaultCommand({}));
      return answer.EbsEncryptionByDefault ?? false;
    });
  }

  defaultKey(scope: Scope): Promise<string> {
    return this.#call(scope, 'GetEbsDefaultKmsKeyId', async (client, sdk) => {
      const { KmsKeyId } = await client.send(new sdk.GetEbsDefaultKmsKeyIdCommand({}));
      return KmsKeyId ?? AWS_EBS_ALIAS;
    });
  }

  disabledRegions(scope: Scope): Promise<string[]> {
    return this.#call(scope, 'DescribeRegions', async (client, sdk) => {
      const Filters = [equals('opt-in-status', ['not-opted-in'])];
      const { Regions } = await client.send(new sdk.DescribeRegionsCommand({ AllRegions: true, Filters }));
      // The filter may be ignored, so the status is checked as well.
      return listIn(Regions, 'regionInfo').flatMap(({ RegionName, OptInStatus }) =>
        RegionName !== undefined && OptInStatus === 'not-opted-in' ? [RegionName] : [],
      );
    });
  }

  async checkCredentials(scope: Scope): Promise<void> {
    await this.#call(scope, 'DescribeRegions', (client, sdk) =>
      client.send(new sdk.DescribeRegionsCommand({ RegionNames: [scope.region] })),
    );
  }

  close(): void {
    this.#clients.close();
  }

  /** Makes every call to EC2: within the call budget, with the scope's client, and with each failure classified. */
  async #call<T>(
    scope: Scope,
    operation: string,
    call: (client: EC2Client, sdk: Ec2Sdk) => Promise<T>,
    { paid = false, fence }: { paid?: boolean; fence?: Fence | undefined } = {},
  ): Promise<T> {
    const wait = paid ? 0 : ((await this.#budget?.take(scope, operation)) ?? 0);
    if (wait > 0) throw heldBack(operation, scope.region, wait);
    if (fence !== undefined) {
      // A client that can't be made fails below, where the failure is classified.
      await this.#clients.get(scope).catch(() => {});
      await fence();
    }
    const began = performance.now();
    const told = (outcome: Ec2Call['outcome']) =>
      this.#onCall({ operation, scope, outcome, milliseconds: performance.now() - began });
    try {
      const { client, sdk } = await this.#clients.get(scope);
      const answer = await call(client, sdk);
      told('ok');
      return answer;
    } catch (error) {
      const failure = classify(error, 'EC2', operation, scope.region);
      told(failure.kind);
      if (failure.kind === 'throttled') await this.#budget?.refused(scope, operation);
      throw failure;
    }
  }
}

function copyInput(params: CopyImageParams): CopyImageCommandInput {
  return {
    SourceImageId: params.source.imageId,
    SourceRegion: params.source.region,
    Name: params.name,
    ClientToken: params.clientToken,
    CopyImageTags: params.copyTags,
    TagSpecifications: [
      { ResourceType: 'image', Tags: fromTags(params.imageTags) },
      { ResourceType: 'snapshot', Tags: fromTags(params.snapshotTags) },
    ],
    ...(params.description === null ? {} : { Description: params.description }),
    ...(params.encrypted === null ? {} : { Encrypted: params.encrypted }),
    ...(params.kmsKeyId === null ? {} : { KmsKeyId: params.kmsKeyId }),
    ...(params.completionDurationMinutes === null
      ? {}
      : { SnapshotCopyCompletionDurationMinutes: params.completionDurationMinutes }),
  };
}

function equals(Name: string, values: readonly string[]): Filter {
  return { Name, Values: [...values] };
}

function sourceFilters({ imageId, region }: { imageId: string; region: string }): Filter[] {
  return [equals('source-image-id', [imageId]), equals('source-image-region', [region])];
}

function whenMissing<T>(error: unknown, answer: T): T {
  if (error instanceof AwsError && error.kind === 'missing') return answer;
  throw error;
}
