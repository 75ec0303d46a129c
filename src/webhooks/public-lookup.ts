import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isPrivate } from './refusal.ts';
import type { WebhookSettings } from './settings.ts';

/** A name resolves to an address to which webhooks may not be sent. */
export class AddressRefused extends Error {
  override name = 'AddressRefused';
}

/**
 * Resolves names for connections, and fails with {@link AddressRefused} if one of a name's addresses would be refused in a URL:
 * IPv4 addresses in IPv6 form (compatible, mapped, NAT64, 6to4) and all others that are not public.
 */
export function publicLookup(
  settings: WebhookSettings,
  lookup: LookupFunction = systemLookup,
): LookupFunction {
  return (host, options, done) => {
    lookup(host, options, (error, found, family) => {
      if (error !== null) return done(error, found, family);
      const addresses = typeof found === 'string' ? [found] : found.map(({ address }) => address);
      const refused = addresses.some((address) => isPrivate(address, settings));
      done(refused ? new AddressRefused('not a public address') : null, found, family);
    });
  };
}
