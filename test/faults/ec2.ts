import type { Image, LaunchPermission, Snapshot } from '@aws-sdk/client-ec2';
import {
  DeleteTagsCommand,
  DescribeImageAttributeCommand,
  DescribeSnapshotAttributeCommand,
  EC2Client,
  paginateDescribeImages,
  paginateDescribeSnapshots,
} from '@aws-sdk/client-ec2';
import { KMSClient, paginateListGrants } from '@aws-sdk/client-kms';

const credentials = { accessKeyId: 'AKIASIM111111111111', secretAccessKey: 'simulated' };

/** The simulated EC2, asked straight, as the account's owner would look into it. */
export class Ec2 {
  readonly #endpoint: string;
  readonly #clients = new Map<string, EC2Client>();

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  #client(region: string): EC2Client {
    const client =
      this.#clients.get(region) ?? new EC2Client({ endpoint: this.#endpoint, region, credentials });
    this.#clients.set(region, client);
    return client;
  }

  async images(region: string): Promise<Image[]> {
    const pages = paginateDescribeImages(
      { client: this.#client(region), pageSize: 1000 },
      { Owners: ['self'] },
    );
    return (await Array.fromAsync(pages)).flatMap(({ Images }) => Images ?? []);
  }

  async snapshots(region: string): Promise<Snapshot[]> {
    const pages = paginateDescribeSnapshots(
      { client: this.#client(region), pageSize: 1000 },
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

  /** The accounts that may make volumes of a snapshot. */
  async volumeAccounts(region: string, snapshotId: string): Promise<string[]> {
    const command = new DescribeSnapshotAttributeCommand({
      SnapshotId: snapshotId,
      Attribute: 'createVolumePermission',
    });
    const { CreateVolumePermissions } = await this.#client(region).send(command);
    return (CreateVolumePermissions ?? []).flatMap(({ UserId }) => UserId ?? []);
  }

  /** The names of the grants on a key. */
  async grants(region: string, keyId: string): Promise<string[]> {
    const client = new KMSClient({ endpoint: this.#endpoint, region, credentials });
    const pages = await Array.fromAsync(paginateListGrants({ client }, { KeyId: keyId }));
    client.destroy();
    return pages.flatMap(({ Grants }) => (Grants ?? []).flatMap(({ Name }) => Name ?? []));
  }

  close(): void {
    for (const client of this.#clients.values()) client.destroy();
  }
}

export function tagOf({ Tags }: Image | Snapshot, key: string): string | undefined {
  return Tags?.find((tag) => tag.Key === key)?.Value;
}
