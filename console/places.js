import { get } from './api.js';

/** How long a page waits for the accounts, milliseconds: all but its forms work without them. */
const PATIENCE_MS = 2000;

/**
 * The accounts that requests may name; `null` while they are not known. Then every account is shown.
 * @type {import('../src/http/schemas/accounts.ts').Account[] | null}
 */
let known = null;

/** The accounts, read again. @throws {Problem} */
export async function listAccounts(signal) {
  known = (await get('/accounts', signal)).accounts;
  return known;
}

/** Reads the accounts unless they are known. A failure is no failure of the page, and the next page tries again. */
export async function readAccounts(signal) {
  if (known !== null) return;
  try {
    await listAccounts(AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]));
  } catch (error) {
    if (error.body === undefined && !['AbortError', 'TimeoutError'].includes(error.name)) throw error;
  }
}

export const accounts = () => known ?? [];

const find = (account) => accounts().find((one) => one.account === account);

/** Whether there is a choice of accounts. */
export const several = () => accounts().length > 1;

/** The own account is not shown where there is no other. */
export const isShown = (account) => several() || !find(account)?.own;

/** An account in the fewest words. */
export const shortName = (account) => find(account)?.alias ?? account;

/** An account with its alias. */
export function nameOf(account) {
  const alias = find(account)?.alias;
  return alias ? `${alias} (${account})` : account;
}

/** A region, with its account where that is shown: "eu-west-1 · prod-eu (222222222222)". */
export function where({ account, region }) {
  return isShown(account) ? `${region} · ${nameOf(account)}` : region;
}

/** A region and its account as the API's query; without an account it means the service's own. */
export function scopeQuery({ account, region }) {
  return new URLSearchParams({ region, ...(account && isShown(account) && { account }) });
}
