/** The form of a secret (Standard Webhooks): 24 to 64 bytes in base64. */
export const WEBHOOK_SECRET = 'whsec_[A-Za-z0-9+/]{32,86}={0,2}';

/** An endpoint that is notified of every job, with secrets of its own. */
export interface Endpoint {
  /** As `URL.href` writes it. */
  url: string;
  /** `whsec_…`, the newest first. */
  secrets: readonly string[];
}

/** The endpoints of webhooks, their secrets, and which addresses are allowed. */
export interface WebhookSettings {
  /**
   * `whsec_…`, the newest first: each delivery to an endpoint without secrets of its own is signed with all of them.
   * Without any, only endpoints with their own are notified.
   */
  secrets: readonly string[];
  /** Notified of every job, signed with {@link secrets}. */
  urls: readonly string[];
  /** The same, each signed with its own secrets; they may change while the service runs. */
  endpoints: { current(): readonly Endpoint[] };
  /** Hosts that webhooks may be sent to; `*.example.com` allows all names below it; empty: all public hosts. */
  hosts: readonly string[];
  /** Whether http:// is allowed. */
  http: boolean;
  /** Addresses and CIDR ranges that webhooks may be sent to although they are not public. */
  privateAddresses: readonly string[];
}

/** The webhooks as set: endpoints with their own secrets are in a file, `''` for none. */
export type WebhookConfig = Omit<WebhookSettings, 'endpoints'> & { endpointsFile: string };

/**
 * The secrets that sign a message to a URL, the newest first; if there is none, the message is not sent.
 * @param ownOnly whether the endpoint had its own secrets when the job was accepted: then the common ones are not used
 */
export function secretsFor(
  url: string,
  ownOnly: boolean,
  { endpoints, secrets }: WebhookSettings,
): readonly string[] {
  const href = URL.canParse(url) ? new URL(url).href : url;
  return endpoints.current().find((one) => one.url === href)?.secrets ?? (ownOnly ? [] : secrets);
}

export const NO_WEBHOOKS: WebhookSettings = {
  secrets: [],
  urls: [],
  endpoints: { current: () => [] },
  hosts: [],
  http: false,
  privateAddresses: [],
};
