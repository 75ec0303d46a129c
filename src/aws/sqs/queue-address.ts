/** The address of a queue, as its URL gives it. */
export interface QueueAddress {
  url: string;
  /** `null` where the host does not name it. */
  region: string | null;
  /** The host to call instead of AWS' own for the region: an interface endpoint, or a simulated SQS. */
  endpoint: string | null;
}

/** AWS' own hosts, including the older ones. All of them reach the same queues as the SDK's default host for the region. */
const PUBLIC = /^(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue|(queue))\.amazonaws\.(?:com|com\.cn|eu)$/;

/** Interface endpoints, FIPS and dual-stack hosts name the region in the same place. */
const NAMES_REGION = /(?:^|\.)sqs(?:-fips)?\.([a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2})\./;

/**
 * Reads the URL of a queue, whose form the setting `EVENTS_QUEUE_URL` has checked. The SDK does not take the region from it,
 * nor (beside AWS_ENDPOINT_URL) the host.
 */
export function queueAddress(url: string): QueueAddress {
  const { hostname, origin } = new URL(url);
  const own = PUBLIC.exec(hostname);
  if (own === null) return { url, region: NAMES_REGION.exec(hostname)?.[1] ?? null, endpoint: origin };
  return { url, region: own[1] ?? own[2] ?? 'us-east-1', endpoint: null };
}
