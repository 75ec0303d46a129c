import { addKey, awsManagedAlias, type Keyring } from './keys.ts';

/** The keys that every account has in every region from the start; their ids never change (seededKeyId). */
export function seedKeyring(account: string, region: string, now: number): Keyring {
  const ring: Keyring = { keys: new Map(), aliases: new Map() };
  const seed = { account, region };
  addKey(ring, { ...seed, alias: 'alias/ami', description: 'For AMIs' }, now);
  addKey(
    ring,
    {
      ...seed,
      alias: awsManagedAlias,
      manager: 'AWS',
      description: 'Default key that protects my EBS volumes when no other key is defined',
    },
    now,
  );
  addKey(ring, { ...seed, alias: 'alias/disabled', enabled: false, description: 'Disabled' }, now);
  addKey(ring, { ...seed, alias: 'alias/asymmetric', keySpec: 'RSA_2048', description: 'Not for EBS' }, now);
  return ring;
}
