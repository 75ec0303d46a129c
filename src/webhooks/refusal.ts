import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { WebhookSettings } from './settings.ts';

/** As `must …`, in words for the caller. */
type Refusal = string | null;

/**
 * Why an endpoint may not be told anything, as far as its URL shows it; `null` if nothing speaks against it. A name is
 * resolved only when it is connected to, and held against the same rules then ({@link isPrivate}, by public-lookup.ts).
 */
export function refusalOf(url: string, settings: WebhookSettings): Refusal {
  if (!URL.canParse(url)) return 'must be a URL';
  const { protocol, hostname, username, password, hash } = new URL(url);
  if (protocol !== 'https:' && !(settings.http && protocol === 'http:')) return 'must begin with https://';
  if (username + password !== '') return 'must hold no user and no password: deliveries are signed';
  if (hash !== '') return 'must end before the #';
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (!isAllowedHost(host, settings.hosts)) return 'must be on one of the hosts of WEBHOOK_HOSTS';
  return isPrivate(host, settings) ? 'must be a public address' : null;
}

function isAllowedHost(host: string, allowed: readonly string[]): boolean {
  if (allowed.length === 0) return true;
  return allowed.some((one) => (one.startsWith('*.') ? host.endsWith(one.slice(1)) : host === one));
}

/**
 * All of IPv6 but 2000::/3, which alone is given out (RFC 4291, section 2.4). `[::127.0.0.1]`, an IPv4 address in the deprecated form
 * of section 2.5.5.1, is in ::/3.
 */
const NOT_PUBLIC_IPV6 = ['::/3', '4000::/2', '8000::/1'];

/**
 * Whether a host may not be reached: an address that is not public, in whichever form it is written, or a name of this machine.
 * The WHATWG parser has turned 127.1, 0x7f000001 and their like into plain addresses already.
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
