import type { Image, Snapshot } from '@aws-sdk/client-ec2';
import {
  DeleteTagsCommand,
  EC2Client,
  paginateDescribeImages,
  paginateDescribeSnapshots,
} from '@aws-sdk/client-ec2';

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

  close(): void {
    for (const client of this.#clients.values()) client.destroy();
  }
}

export function tagOf({ Tags }: Image | Snapshot, key: string): string | undefined {
  return Tags?.find((tag) => tag.Key === key)?.Value;
}
