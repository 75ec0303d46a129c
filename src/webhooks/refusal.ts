import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { WebhookSettings } from './settings.ts';

/** A message for the caller, as `must …`. */
type Refusal = string | null;

/**
 * Why an endpoint is refused by its URL; `null` if it is allowed. A host name is resolved only at the connection, when its
 * addresses are checked by the same rules ({@link isPrivate}, called by public-lookup.ts).
 */
export function refusalOf(url: string, settings: WebhookSettings): Refusal {
  if (!URL.canParse(url)) return 'must be a URL';
  const { protocol, hostname, username, password, hash } = new URL(url);
  if (protocol !== 'https:' && !(settings.http && protocol === 'http:')) return 'must begin with https://';
  if (username + password !== '') return 'must contain no user and no password: deliveries are signed';
  if (hash !== '') return 'must have no fragment (#…)';
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (!isAllowedHost(host, settings.hosts)) return 'must be on one of the hosts of WEBHOOK_HOSTS';
  return isPrivate(host, settings) ? 'must be a public address' : null;
}

function isAllowedHost(host: string, allowed: readonly string[]): boolean {
  if (allowed.length === 0) return true;
  return allowed.some((one) => (one.startsWith('*.') ? host.endsWith(one.slice(1)) : host === one));
}

/**
 * All of IPv6 except 2000::/3, the only assigned global unicast range (RFC 4291, section 2.4). `[::127.0.0.1]`, an IPv4 address in the
 * deprecated form of section 2.5.5.1, is in ::/3.
 */
const NOT_PUBLIC_IPV6 = ['::/3', '4000::/2', '8000::/1'];

/**
 * Whether a host is private: an address that is not public, in any notation, or a name of this machine. The WHATWG URL parser
 * has already normalised 127.1, 0x7f000001 and the like.
 */
export function isPrivate(
  host: string,
  { privateAddresses }: Pick<WebhookSettings, 'privateAddresses'>,
): boolean {
  if (isIP(host) === 0) return privateAddresses.length === 0 && /(?:^|\.)localhost$/.test(host);
  const address = ipaddr.parse(host);
  if (privateAddresses.some((range) => contains(range, address))) return false;
  return address.range() !== 'unicast' || NOT_PUBLIC_IPV6.some((range) => contains(range, address));
}

function contains(range: string, address: ReturnType<typeof ipaddr.parse>): boolean {
  if (!range.includes('/')) return ipaddr.parse(range).toString() === address.toString();
  const [network, bits] = ipaddr.parseCIDR(range);
  return network.kind() === address.kind() && address.match(network, bits);
}
