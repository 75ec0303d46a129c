import type { EC2Client } from '@aws-sdk/client-ec2';
import { destination, SOURCE } from './copies.ts';

/** A thousand waiters on the SDK's 50 sockets make it warn; that they queue up is what they do. Milliseconds. */
const QUIET = { socketAcquisitionWarningTimeout: 3_600_000 };

/** The SDK as it comes, for what one would do without the service. */
export async function sdkClients(endpoint: string) {
  const sdk = await import('@aws-sdk/client-ec2');
  const credentials = { accessKeyId: 'AKIASIM111111111111', secretAccessKey: 'simulated' };
  const clients = new Map<string, EC2Client>();
  const client = (region: string) => {
    const known =
      clients.get(region) ?? new sdk.EC2Client({ region, endpoint, credentials, requestHandler: QUIET });
    clients.set(region, known);
    return known;
  };
  return {
    /** Calls CopyImage in that region. The new image's id. */
    copy: async (region: string, tags: Record<string, string> = {}) => {
      const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
      const { ImageId = '' } = await client(region).send(
        new sdk.CopyImageCommand({
          Name: 'golden-web',
          SourceImageId: SOURCE.imageId,
          SourceRegion: SOURCE.region,
          ...('encrypted' in destination(region) ? { Encrypted: true } : {}),
          ...(Tags.length === 0 ? {} : { TagSpecifications: [{ ResourceType: 'image', Tags }] }),
        }),
      );
      return ImageId;
    },
    /** The SDK's own waiter for one image, with its delays divided by `speed`. */
    wait: async (region: string, imageId: string, speed: number) => {
      const delays = { minDelay: 15 / speed, maxDelay: 120 / speed, maxWaitTime: 7200 / speed };
      await sdk.waitUntilImageAvailable({ client: client(region), ...delays }, { ImageIds: [imageId] });
    },
    close: () => {
      for (const one of clients.values()) one.destroy();
    },
  };
}
