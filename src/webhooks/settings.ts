/** Who may be told what happened, and how. */
export interface WebhookSettings {
  /** `whsec_…`, the newest first: each delivery is signed with all of them. Without any there are no webhooks. */
  secrets: readonly string[];
  /** Told of every job. */
  urls: readonly string[];
  /** Hosts that may be told, `*.example.com` with all below it; empty: any that is public. */
  hosts: readonly string[];
  /** Whether http:// will do. */
  http: boolean;
  /** Addresses and CIDR ranges that may be told although they are not public. */
  privateAddresses: readonly string[];
}
