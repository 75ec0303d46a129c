import { listAccounts, listUnits } from '../../commands/list-accounts.ts';
import type { App, AppDeps } from '../deps.ts';
import { AccountList } from '../schemas/accounts.ts';
import { answer, EC2_ERRORS, problems } from '../documented.ts';

const schema = {
  operationId: 'listAccounts',
  tags: ['service'],
  summary: 'List the accounts',
  description:
    "Requests may name the service's own account and those that the operator has configured (ACCOUNTS_FILE), in these regions. `organizationalUnits` shows how old the list of accounts of each unit is.",
  response: {
    200: answer('The accounts.', AccountList),
    ...problems(...EC2_ERRORS),
  },
} as const;

export function listAccountsRoute(app: App, deps: AppDeps): void {
  app.get('/accounts', { schema, config: { access: ['amis:read'] } }, async () => ({
    accounts: await listAccounts(deps),
    organizationalUnits: listUnits(deps).map(({ listedAt, ...unit }) => ({
      ...unit,
      listedAt: listedAt === null ? null : new Date(listedAt).toISOString(),
    })),
  }));
}
