/** Where a queue is, as its URL tells. */
export interface QueueAddress {
  url: string;
  /** `null` where the host does not tell. */
  region: string | null;
  /** The host to call in place of AWS' own for the region: that of an interface endpoint, or of a simulated SQS. */
  endpoint: string | null;
}

/** AWS' own hosts, the older ones too; all of them lead to the same queues as the SDK's choice for the region. */
const PUBLIC = /^(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue|(queue))\.amazonaws\.(?:com|com\.cn|eu)$/;

/** Interface endpoints, FIPS and dual-stack hosts name the region in the same place. */
const NAMES_REGION = /(?:^|\.)sqs(?:-fips)?\.([a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2})\./;

/**
 * Reads the URL of a queue, of the form that `EVENTS_QUEUE_URL` is held to. The SDK takes neither the region nor (beside
 * AWS_ENDPOINT_URL) the host from it by itself.
 */
export function queueAddress(url: string): QueueAddress {
  const { hostname, origin } = new URL(url);
  const own = PUBLIC.exec(hostname);
  if (own === null) return { url, region: NAMES_REGION.exec(hostname)?.[1] ?? null, endpoint: origin };
  return { url, region: own[1] ?? own[2] ?? 'us-east-1', endpoint: null };
}
