import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXTERNAL_ID } from '../../simulator/index.ts';
import type { Accounts } from '../../src/accounts/accounts.ts';
import { parseAccounts } from '../../src/accounts/accounts-file.ts';

export const B = '222222222222';
export const C = '333333333333';

let file: string | undefined;

/** The file with the external id that the simulator's roles ask for, once for each process. */
export function externalIdFile(): string {
  if (file === undefined) {
    file = join(mkdtempSync(join(tmpdir(), 'amiferry-test-accounts-')), 'external-id');
    writeFileSync(file, EXTERNAL_ID);
  }
  return file;
}

/** The accounts of a file, with a role that the simulator lets the service assume. */
export function testAccounts(accounts: Record<string, object> = { [B]: {}, [C]: {} }): Accounts {
  const role = { name: 'amiferry-target', externalIdFile: externalIdFile() };
  return parseAccounts(JSON.stringify({ role, accounts })).accounts;
}
