import type { CreateVolumePermission, Image, LaunchPermission, Snapshot } from '@aws-sdk/client-ec2';
import {
  DeleteSnapshotCommand,
  DeleteTagsCommand,
  DeregisterImageCommand,
  DescribeImageAttributeCommand,
  DescribeSnapshotAttributeCommand,
  DescribeSnapshotsCommand,
  EC2Client,
  ModifyImageAttributeCommand,
  paginateDescribeImages,
  paginateDescribeSnapshots,
} from '@aws-sdk/client-ec2';
import { OWN } from '../helpers/account.ts';
import { KMSClient, paginateListGrants } from '@aws-sdk/client-kms';

/** Of any account: the simulator reads its id from the access key. */
const credentials = { accessKeyId: 'AKIASIM111111111111', secretAccessKey: 'simulated' };

/** The simulated EC2, asked straight, as the account's owner would look into it. */
export class Ec2 {
  readonly #endpoint: string;
  readonly #clients = new Map<string, EC2Client>();
  /** Images that were deregistered by hand. */
  readonly removed = new Set<string>();

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  #client(region: string, account = OWN): EC2Client {
    const name = `${account}/${region}`;
    const own = { ...credentials, accessKeyId: `AKIASIM${account}` };
    const client =
      this.#clients.get(name) ?? new EC2Client({ endpoint: this.#endpoint, region, credentials: own });
    this.#clients.set(name, client);
    return client;
  }

  async images(region: string, account = OWN): Promise<Image[]> {
    const pages = paginateDescribeImages(
      { client: this.#client(region, account), pageSize: 1000 },
      { Owners: ['self'] },
    );
    return (await Array.fromAsync(pages)).flatMap(({ Images }) => Images ?? []);
  }

  async snapshots(region: string, account = OWN): Promise<Snapshot[]> {
    const pages = paginateDescribeSnapshots(
      { client: this.#client(region, account), pageSize: 1000 },
      { OwnerIds: ['self'] },
    );
    return (await Array.fromAsync(pages)).flatMap(({ Snapshots }) => Snapshots ?? []);
  }

  /** Takes a tag off an image. */
  async stripTag(region: string, imageId: string, tag: string): Promise<void> {
    const command = new DeleteTagsCommand({ Resources: [imageId], Tags: [{ Key: tag }] });
    await this.#client(region).send(command);
  }

  async launchPermissions(region: string, imageId: string): Promise<LaunchPermission[]> {
    const command = new DescribeImageAttributeCommand({ ImageId: imageId, Attribute: 'launchPermission' });
    return (await this.#client(region).send(command)).LaunchPermissions ?? [];
  }

  async volumePermissions(region: string, snapshotId: string): Promise<CreateVolumePermission[]> {
    const command = new DescribeSnapshotAttributeCommand({
      SnapshotId: snapshotId,
      Attribute: 'createVolumePermission',
    });
    return (await this.#client(region).send(command)).CreateVolumePermissions ?? [];
  }

  /** The accounts that may make volumes of a snapshot. */
  async volumeAccounts(region: string, snapshotId: string): Promise<string[]> {
    const permissions = await this.volumePermissions(region, snapshotId);
    return permissions.flatMap(({ UserId }) => UserId ?? []);
  }

  /** The image that a snapshot was copied for, as EC2 describes it; `null` where it tells of none. */
  async imageOfSnapshot(region: string, snapshotId: string): Promise<string | null> {
    const command = new DescribeSnapshotsCommand({ SnapshotIds: [snapshotId] });
    const { Snapshots } = await this.#client(region)
      .send(command)
      .catch(() => ({ Snapshots: [] }));
    return /DestinationAmi (ami-[0-9a-f]+)/.exec(Snapshots?.[0]?.Description ?? '')?.[1] ?? null;
  }

  /** Gives or takes a launch permission, as an administrator does at the console. */
  async modifyLaunch(
    region: string,
    imageId: string,
    { add, remove }: { add?: LaunchPermission; remove?: LaunchPermission },
  ): Promise<void> {
    const command = new ModifyImageAttributeCommand({
      ImageId: imageId,
      LaunchPermission: { ...(add && { Add: [add] }), ...(remove && { Remove: [remove] }) },
    });
    await this.#client(region).send(command);
  }

  /** Deregisters an image and deletes its snapshots. @returns whether all of it was there */
  async remove(region: string, imageId: string): Promise<boolean> {
    const image = (await this.images(region)).find(({ ImageId }) => ImageId === imageId);
    if (image === undefined) return false;
    await this.deregister(region, imageId);
    const ids = (image.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);
    const deleted = ids.map((SnapshotId) =>
      this.#client(region)
        .send(new DeleteSnapshotCommand({ SnapshotId }))
        .then(
          () => true,
          () => false,
        ),
    );
    return (await Promise.all(deleted)).every((one) => one);
  }

  async deregister(region: string, imageId: string): Promise<void> {
    this.removed.add(imageId);
    await this.#client(region).send(new DeregisterImageCommand({ ImageId: imageId }));
  }

  /** The names of the grants on a key. */
  async grants(region: string, keyId: string): Promise<string[]> {
    const client = new KMSClient({ endpoint: this.#endpoint, region, credentials });
    const pages = await Array.fromAsync(paginateListGrants({ client }, { KeyId: keyId }));
    client.destroy();
    return pages.flatMap(({ Grants }) => (Grants ?? []).flatMap(({ Name }) => Name ?? []));
  }

  /** All access that others have to an image, its snapshots and the keys that these are encrypted under. */
  async accessTo({ region, imageId }: { region: string; imageId: string }): Promise<string[]> {
    const image = (await this.images(region)).find(({ ImageId }) => ImageId === imageId);
    const ids = (image?.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);
    const snapshots = (await this.snapshots(region)).filter(({ SnapshotId = '' }) =>
      ids.includes(SnapshotId),
    );
    const keys = new Set(snapshots.flatMap(({ KmsKeyId }) => KmsKeyId ?? []));
    const launch = await this.launchPermissions(region, imageId);
    const volumes = await Promise.all(ids.map((id) => this.volumePermissions(region, id)));
    const grants = await Promise.all([...keys].map((key) => this.grants(region, key)));
    return [
      ...launch.map((one) => `launch permission ${JSON.stringify(one)}`),
      ...volumes.flat().map((one) => `snapshot permission ${JSON.stringify(one)}`),
      ...grants.flat().flatMap((name) => (name.includes(imageId) ? `grant ${name}` : [])),
    ];
  }

  close(): void {
    for (const client of this.#clients.values()) client.destroy();
  }
}

export function tagOf({ Tags }: Image | Snapshot, key: string): string | undefined {
  return Tags?.find((tag) => tag.Key === key)?.Value;
}
