import { defaultAccount } from '../../simulator/wire/caller.ts';

/** The service's own account, as the simulator answers GetCallerIdentity to the tests' credentials. */
export const OWN = defaultAccount;

/** The key of a destination in that account, by its region; a key stays as it is. */
export const keyIn = (region: string) => (region.includes('/') ? region : `${OWN}/${region}`);
